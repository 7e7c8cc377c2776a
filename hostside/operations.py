"""The operations a controller may ask for, by name: a request in, a result out."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Callable, cast

from . import store
from .contract import DRAIN, PATH, UNIT, role_of
from .facts import facts
from .failure import Failure, Secrets
from .machine import Machine
from .manifest import NOTHING
from .observe import failing_probes, look, observed, unsettable
from .packages import Packages
from .program import Program
from .releases import missing
from .store import Progress
from .units import restart
from .values import Drain
from .wire import Unreadable, anything, listing, mapping, number, record, text, typed


@dataclass(frozen=True)
class Host:
    """Where an operation works: the machine, what dpkg knows, and the program that comes with the first role."""

    machine: Machine
    program: Program | None = None
    dpkg: Packages = field(default_factory=Packages)


@dataclass(frozen=True)
class _Observe:
    role: object
    host: str = ""


@dataclass(frozen=True)
class _Missing:
    artifacts: Mapping[str, str]


@dataclass(frozen=True)
class _Command:
    argv: tuple[str, ...]
    timeout_seconds: float = 10
    stdin: str = ""


@dataclass(frozen=True)
class _Restart:
    unit: str
    drain: Drain | None = None


def prepare(host: Host, request: Mapping[str, object]) -> None:
    """Loads in the server what the request's child will need: loaded once, every later child has it."""
    host.dpkg.refresh(host.machine)
    _operation(request.get("op"))
    if _asks_over_http(request.get("role")):
        importlib.import_module(f"{__package__}.web")


def answer(host: Host, request: Mapping[str, object], progress: Progress) -> object:
    """Runs one request and returns its result. Raises Failure."""
    name = request.get("op")
    operation = _operation(name)
    if operation is None:
        raise Failure("request", f"no operation {name!r} here, there are {', '.join(sorted([*_LOOKING, *_CHANGING]))}")
    fields = {key: value for key, value in request.items() if key not in ("id", "op")}
    try:
        return operation(host, fields, progress)
    except Unreadable as error:
        raise Failure("request", str(error)) from error


def _asks_over_http(role: object) -> bool:
    probes = cast("Mapping[str, object]", role).get("verify") if isinstance(role, dict) else None
    asked = cast("list[object]", probes) if isinstance(probes, list) else []
    return any(isinstance(each, dict) and cast("Mapping[str, object]", each).get("kind") == "http" for each in asked)


def _operation(name: object) -> Operation | None:
    if name in _CHANGING:
        # Most sessions only look; what changes a host is half of the program.
        from . import changing  # noqa: PLC0415

        return changing.OPERATIONS[str(name)]
    return _LOOKING.get(name) if isinstance(name, str) else None


def _observe(host: Host, fields: Mapping[str, object], _progress: Progress) -> object:
    role = role_of(typed(_OBSERVE, fields).role)
    manifest = store.manifests(host.machine).get(role.name, NOTHING)
    live = look(host.machine, role, host.dpkg.read(host.machine), manifest)
    cannot = unsettable(host.machine, role, live, manifest)
    secrets = Secrets(role.files.values())
    failures = [secrets.hide(each) for each in failing_probes(host.machine, role, cannot)]
    return {
        "observed": observed(role, live, cannot),
        "healthy": not failures,
        "failures": failures,
        "unsettable": cannot,
    }


def _roles(host: Host, _fields: Mapping[str, object], _progress: Progress) -> object:
    known = store.manifests(host.machine)
    return {"roles": sorted(known, key=lambda name: known[name].applied)}


def _missing(host: Host, fields: Mapping[str, object], _progress: Progress) -> object:
    known = {
        path: release
        for manifest in store.manifests(host.machine).values()
        for path, release in manifest.artifacts.items()
    }
    return {"missing": missing(host.machine, typed(_MISSING, fields).artifacts, known)}


def _facts(host: Host, _fields: Mapping[str, object], _progress: Progress) -> object:
    return facts(host.machine)


def _command(host: Host, fields: Mapping[str, object], _progress: Progress) -> object:
    wanted = typed(_COMMAND, fields)
    said = host.machine.run(wanted.argv, wanted.timeout_seconds, wanted.stdin)
    return said._asdict()


def _restart(host: Host, fields: Mapping[str, object], progress: Progress) -> object:
    wanted = typed(_RESTART, fields)
    progress(f"restarting {wanted.unit}")
    restart(host.machine, wanted.unit, wanted.drain, progress)
    return {"restarted": wanted.unit}


_OBSERVE = record(_Observe, {"role": anything, "host": text()})
_MISSING = record(_Missing, {"artifacts": mapping(PATH, text())})
_COMMAND = record(
    _Command, {"argv": listing(text(), least=1), "timeout_seconds": number(1e-3, 86_400), "stdin": text()}
)
_RESTART = record(_Restart, {"unit": UNIT, "drain": DRAIN}, nullable=("drain",))

Operation = Callable[[Host, Mapping[str, object], Progress], object]

_LOOKING: dict[str, Operation] = {
    "observe": _observe,
    "roles": _roles,
    "missing": _missing,
    "facts": _facts,
    "command": _command,
    "restart": _restart,
}
_CHANGING = ("apply", "remove", "confirm")
