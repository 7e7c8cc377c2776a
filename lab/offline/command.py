"""`python -m lab.offline.command --lab DIRECTORY ENGINE`: stands in for Pulumi's plugin `command`.

It implements creating a `remote.Command`; its difference is the official one's: whatever input differs is an update,
which would run the command again and is refused here, and another trigger is a replacement.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import cast

from pulumi.provider.experimental import provider
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import PropertyDiff, PropertyDiffKind

from lab.offline import ssh
from lab.offline.plugins import PACKAGE, version
from lab.offline.serve import Refused, serve
from lab.record import load

_TYPE = "command:remote:Command"
_INPUTS = frozenset({"connection", "create", "stdin", "triggers", "logging", "addPreviousOutputInEnv"})
_CONNECTION = frozenset({"host", "port", "user", "password", "hostKey", "dialErrorLimit", "perDialTimeout", "proxy"})
_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

Properties = Mapping[str, PropertyValue]


class CommandStandIn(provider.Provider):
    """For the hosts of the lab in `directory`, which is read at every call."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def get_schema(self, request: provider.GetSchemaRequest) -> provider.GetSchemaResponse:  # noqa: ARG002 - one schema
        """Nothing: the Python package knows the resources."""
        return provider.GetSchemaResponse('{"name": "command"}')

    async def check_config(self, request: provider.CheckRequest) -> provider.CheckResponse:
        """Takes what comes; the official plugin has no configuration."""
        return provider.CheckResponse(inputs=request.new_inputs)

    async def configure(self, request: provider.ConfigureRequest) -> provider.ConfigureResponse:  # noqa: ARG002 - no config
        """Secrets keep their marks."""
        return provider.ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def check(self, request: provider.CheckRequest) -> provider.CheckResponse:
        """Refuses what is not implemented here, and a host whose key is not pinned."""
        failures = [provider.CheckFailure("", sentence) for sentence in _not_implemented(request)]
        return provider.CheckResponse(inputs=request.new_inputs, failures=failures)

    async def diff(self, request: provider.DiffRequest) -> provider.DiffResponse:
        """Input by input."""
        old, new = _plain_map(request.old_state), _plain_map(request.new_inputs)
        changed = sorted(key for key in _INPUTS if old.get(key) != new.get(key))
        kinds = {
            key: PropertyDiffKind.UPDATE_REPLACE if key == "triggers" else PropertyDiffKind.UPDATE for key in changed
        }
        return provider.DiffResponse(
            changes=bool(changed),
            diffs=changed,
            replaces=[key for key in changed if key == "triggers"],
            detailed_diff={key: PropertyDiff(kind, True) for key, kind in kinds.items()},
        )

    async def create(self, request: provider.CreateRequest) -> provider.CreateResponse:
        """Runs the command; in a preview what it will print is not known."""
        if request.preview:
            unknown = {key: PropertyValue(_UNKNOWN) for key in ("stdout", "stderr")}
            return provider.CreateResponse("", {**request.properties, **unknown})
        inputs = _plain_map(request.properties)
        endpoint = self._endpoint(_map(inputs.get("connection")))
        try:
            output = await ssh.run(endpoint, _text(inputs.get("create")), _text(inputs.get("stdin")))
        except ssh.NotDone as error:
            raise Refused(str(error)) from None
        printed = {"stdout": PropertyValue(output.stdout), "stderr": PropertyValue(output.stderr)}
        return provider.CreateResponse(request.name, {**request.properties, **printed})

    async def update(self, request: provider.UpdateRequest) -> provider.UpdateResponse:
        """Is refused: the official plugin would run the command again."""
        raise Refused(
            f"{request.resource_id}: this stand-in updates nothing; the official plugin runs the command again"
        )

    async def read(self, request: provider.ReadRequest) -> provider.ReadResponse:
        """What is stored, as the official plugin answers."""
        return provider.ReadResponse(request.resource_id, request.properties, request.inputs)

    async def delete(self, request: provider.DeleteRequest) -> None:
        """Nothing: there is no command for it here."""

    def _endpoint(self, given: Mapping[str, object]) -> ssh.Endpoint:
        host, network = _text(given.get("host")), load(self._directory).network
        if not network or ip_address(host) not in ip_network(network):
            raise Refused(
                f"{host} is no host of the lab in {self._directory}, and this stand-in reaches no other:"
                " pulumi plugin install resource command puts the official plugin in its place"
            )
        proxy = _map(given.get("proxy"))
        return ssh.Endpoint(
            host=host,
            port=_whole(given.get("port"), 22),
            user=_text(given.get("user")),
            password=_text(given.get("password")),
            host_key=_text(given.get("hostKey")),
            dials=_whole(given.get("dialErrorLimit"), 10) + 1,
            timeout_seconds=_whole(given.get("perDialTimeout"), 15),
            proxy=self._endpoint(proxy) if proxy else None,
        )


def _not_implemented(request: provider.CheckRequest) -> list[str]:
    if request.type.rsplit("$", 1)[-1] != _TYPE:
        return [f"{request.type} is not implemented by this stand-in, only {_TYPE} is"]
    inputs = _plain_map(request.new_inputs)
    found = [f"{key} is not implemented by this stand-in" for key in sorted(inputs.keys() - _INPUTS)]
    found += ["logging must be none with this stand-in"] * (inputs.get("logging") != "none")
    connection = _map(inputs.get("connection"))
    for place, each in {"connection": connection, "connection.proxy": _map(connection.get("proxy"))}.items():
        found += [f"{place}.{key} is not implemented by this stand-in" for key in sorted(each.keys() - _CONNECTION)]
        found += [f"{place}.hostKey is missing: the official plugin would trust anybody"] * (
            bool(each) and not each.get("hostKey")
        )
    return found


def _plain(value: PropertyValue) -> object:
    inner = value.value
    if isinstance(inner, Mapping):
        return _plain_map(inner)
    if isinstance(inner, list | tuple):
        return [_plain(item) for item in inner]
    return inner


def _plain_map(properties: Properties) -> dict[str, object]:
    return {key: _plain(value) for key, value in properties.items() if value.value is not None}


def _map(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _whole(value: object, otherwise: int) -> int:
    return int(value) if isinstance(value, float) else otherwise


def main() -> None:
    """Serves the engine."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lab", type=Path, required=True)
    parser.add_argument("engine")
    given, _ = parser.parse_known_args()
    asyncio.run(serve(CommandStandIn(given.lab), PACKAGE, version(), given.engine))


if __name__ == "__main__":
    main()
