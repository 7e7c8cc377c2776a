"""A program on Pulumi's mocks: every registration as the engine would get it, without an engine, a plugin or a host."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import runpy
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pulumi
from google.protobuf import empty_pb2, struct_pb2
from google.protobuf.json_format import MessageToDict
from pulumi.runtime import mocks
from pulumi.runtime import settings as runtime
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.stack import run_in_stack
from pulumi.runtime.sync_await import _sync_await  # pyright: ignore[reportPrivateUsage] nothing public runs a program
from ruamel.yaml import YAML

PROJECT = Path(__file__).resolve().parent.parent
ADDRESSES = "tests/unit/addresses.yaml"
"""Stands for what the lab writes, so that a recording is the same everywhere."""

_SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
"""How the engine marks a secret on the wire."""
_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_GENERATED: Mapping[str, Mapping[str, str]] = {
    "soundstage:secret:Password": {"value": "secret"},
    "soundstage:pki:Authority": {"certificate_pem": "public", "private_key_pem": "secret", "bundle_pem": "public"},
    "soundstage:pki:Certificate": {"certificate_pem": "public", "private_key_pem": "secret", "not_after": "public"},
}
"""What the plugin makes up itself, so that a preview does not know it."""
_FOUND: Mapping[str, dict[str, object]] = {"soundstage:host:Role": {"healthy": True, "reachable": True}}
"""What the plugin says of a host, in a preview too: nothing else is known yet."""


@dataclass(frozen=True, kw_only=True)
class Registration:
    """One resource as the program registered it. `inputs` are plain; paths of secret and unknown ones are apart."""

    type: str
    name: str
    parent: str | None
    custom: bool
    dependencies: tuple[str, ...]
    inputs: Mapping[str, object]
    secret: tuple[str, ...]
    unknown: tuple[str, ...]
    secret_outputs: tuple[str, ...]
    """Outputs the engine keeps encrypted whatever the plugin says."""
    ignore_changes: tuple[str, ...]


@dataclass(kw_only=True)
class Recording:
    """What a program registered and exported, keyed by resource name and by output name."""

    resources: dict[str, Registration] = field(default_factory=dict[str, Registration])
    outputs: dict[str, object] = field(default_factory=dict[str, object])
    secret_outputs: tuple[str, ...] = ()
    registered_outputs: dict[str, Mapping[str, object]] = field(default_factory=dict[str, Mapping[str, object]])
    """Component name → what it registered last."""

    def of_type(self, token: str) -> list[Registration]:
        """The resources of a type, by name."""
        return sorted((item for item in self.resources.values() if item.type == token), key=lambda item: item.name)


def record_stack(stack: str, changes: Mapping[str, object] | None = None, *, preview: bool = False) -> Recording:
    """The whole program with the configuration of Pulumi.<stack>.yaml; `changes` replaces or adds keys."""
    document = cast(
        "Mapping[str, object]",
        YAML(typ="safe").load(PROJECT / f"Pulumi.{stack}.yaml"),  # pyright: ignore[reportUnknownMemberType] untyped
    )
    config = dict(cast("Mapping[str, object]", document["config"]))
    if "soundstage:addresses" in config:
        config["soundstage:addresses"] = ADDRESSES
    config.update({f"soundstage:{key}": value for key, value in (changes or {}).items()})
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    program = str(PROJECT / "__main__.py")
    with contextlib.chdir(PROJECT):
        return record(lambda: runpy.run_path(program, run_name="__main__"), stack, texts, preview=preview)


def record(
    program: Callable[[], object],
    stack: str = "test",
    config: Mapping[str, str] | None = None,
    *,
    preview: bool = False,
) -> Recording:
    """What `program` registers. After a program that raised, use a fresh process: pulumi keeps its broken state."""
    # Pulumi works on the current event loop of the thread, which somebody else may have closed or taken away.
    asyncio.set_event_loop(_loop())
    monitor = _Monitor(preview=preview)
    pulumi.runtime.set_all_config(dict(config or {}), [])
    pulumi.runtime.set_mocks(monitor.mocks, project="soundstage", stack=stack, preview=preview, monitor=monitor)
    runtime.set_root_resource(None)  # pyright: ignore[reportArgumentType] run_in_stack makes its own root

    def run() -> None:
        program()

    _sync_await(run_in_stack(run))
    return monitor.recording


@functools.cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


class _Plugin(mocks.Mocks):
    """Answers as the soundstage plugin would; in a preview it does not know what it has not made yet."""

    def __init__(self, *, preview: bool) -> None:
        self._preview = preview

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, object], None]:
        raise NotImplementedError(f"the program calls nothing, but asked for {args.token}")

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, object]]:
        made = _GENERATED.get(args.typ, {})
        inputs = cast("Mapping[str, object]", args.inputs)  # pyright: ignore[reportUnknownMemberType] untyped there
        outputs = {key: value for key, value in inputs.items() if value is not None} | _FOUND.get(args.typ, {})
        if not self._preview:
            values = {key: f"{args.name}.{key}" for key in made}
            outputs |= {
                key: {**_SECRET, "value": text} if made[key] == "secret" else text for key, text in values.items()
            }
        return f"{args.name}-id", outputs


class _Monitor(mocks.MockMonitor):
    """Keeps every request; pulumi calls it from several threads."""

    def __init__(self, *, preview: bool) -> None:
        super().__init__(_Plugin(preview=preview))
        self.recording = Recording()
        self._lock = threading.Lock()

    def RegisterResource(  # noqa: N802 the protocol's name
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        if request.type != "pulumi:pulumi:Stack":
            registration = _registration(request)
            with self._lock:
                if registration.name in self.recording.resources:
                    raise ValueError(f"two resources are named {registration.name}")
                self.recording.resources[registration.name] = registration
        return super().RegisterResource(request)  # pyright: ignore[reportUnknownMemberType] untyped there

    def RegisterResourceOutputs(  # noqa: N802 the protocol's name
        self, request: resource_pb2.RegisterResourceOutputsRequest
    ) -> empty_pb2.Empty:
        plain, secret, _ = _values(request.outputs)
        with self._lock:
            if _is_stack(request.urn):
                self.recording.outputs.update(plain)
                self.recording.secret_outputs = secret
            else:
                self.recording.registered_outputs[_name(request.urn)] = plain
        return super().RegisterResourceOutputs(request)  # pyright: ignore[reportUnknownMemberType] untyped there


def _registration(request: resource_pb2.RegisterResourceRequest) -> Registration:
    inputs, secret, unknown = _values(request.object)
    return Registration(
        type=request.type,
        name=request.name,
        parent=None if _is_stack(request.parent) else _name(request.parent),
        custom=request.custom,
        dependencies=tuple(sorted({_name(urn) for urn in request.dependencies})),
        inputs=inputs,
        secret=secret,
        unknown=unknown,
        secret_outputs=tuple(request.additionalSecretOutputs),
        ignore_changes=tuple(request.ignoreChanges),
    )


def _is_stack(urn: str) -> bool:
    return urn.split("::")[2].rsplit("$", maxsplit=1)[-1] == "pulumi:pulumi:Stack"


def _name(urn: str) -> str:
    return urn.rsplit("::", maxsplit=1)[-1]


def _values(struct: struct_pb2.Struct) -> tuple[dict[str, object], tuple[str, ...], tuple[str, ...]]:
    """Plain values, the paths of the secret ones, the paths of the unknown ones."""
    raw = cast("dict[str, object]", MessageToDict(struct))
    marks = list(_marks(raw, ""))
    secret = tuple(sorted(path for path, mark in marks if mark == "secret"))
    unknown = tuple(sorted(path for path, mark in marks if mark == "unknown"))
    return cast("dict[str, object]", _plain(raw)), secret, unknown


def _marks(value: object, path: str) -> Iterator[tuple[str, str]]:
    if value == _UNKNOWN:
        yield path, "unknown"
    elif isinstance(value, dict):
        entries = cast("dict[str, object]", value)
        if _SECRET.items() <= entries.items():
            yield path, "secret"
            yield from _marks(entries["value"], path)
            return
        for key, item in entries.items():
            yield from _marks(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, item in enumerate(cast("list[object]", value)):
            yield from _marks(item, f"{path}[{index}]")


def _plain(value: object) -> object:
    if isinstance(value, dict):
        entries = cast("dict[str, object]", value)
        if _SECRET.items() <= entries.items():
            return _plain(entries["value"])
        return {key: _plain(item) for key, item in entries.items()}
    if isinstance(value, list):
        return [_plain(item) for item in cast("list[object]", value)]
    return value
