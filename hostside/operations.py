"""The operations a controller may ask for, by name: a request in, a result out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Callable

from . import recovery, store
from .contract import DRAIN, PATH, ROLE_NAME, UNIT, role_of
from .facts import facts
from .failure import Failure, Secrets
from .machine import Machine
from .manifest import NOTHING
from .observe import failing_probes, look, observed, unsettable
from .packages import Packages
from .program import Program
from .releases import Incoming, missing
from .removal import remove
from .store import Progress
from .transaction import Apply
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
class _Apply:
    role: object
    host: str = ""
    clock_offset_seconds: float | None = None
    incoming: Mapping[str, Incoming] = field(default_factory=dict[str, Incoming])


@dataclass(frozen=True)
class _Observe:
    role: object
    host: str = ""


@dataclass(frozen=True)
class _Named:
    role: str
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


def answer(host: Host, request: Mapping[str, object], progress: Progress) -> object:
    """Runs one request and returns its result. Raises Failure."""
    name = request.get("op")
    operation = _OPERATIONS.get(name) if isinstance(name, str) else None
    if operation is None:
        raise Failure("request", f"no operation {name!r} here, there are {', '.join(sorted(_OPERATIONS))}")
    fields = {key: value for key, value in request.items() if key not in ("id", "op")}
    try:
        return operation(host, fields, progress)
    except Unreadable as error:
        raise Failure("request", str(error)) from error


def _apply(host: Host, fields: Mapping[str, object], progress: Progress) -> object:
    wanted = typed(_APPLY, fields)
    return Apply(
        host.machine,
        role_of(wanted.role),
        host.dpkg,
        progress,
        program=host.program,
        host=wanted.host,
        clock_offset_seconds=wanted.clock_offset_seconds,
        incoming=wanted.incoming,
    ).answer()


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


def _remove(host: Host, fields: Mapping[str, object], progress: Progress) -> object:
    return remove(host.machine, host.dpkg, typed(_NAMED, fields).role, progress)


def _roles(host: Host, _fields: Mapping[str, object], _progress: Progress) -> object:
    known = store.manifests(host.machine)
    return {"roles": sorted(known, key=lambda name: known[name].applied)}


def _confirm(host: Host, fields: Mapping[str, object], progress: Progress) -> object:
    return recovery.confirm(host.machine, host.dpkg, typed(_NAMED, fields).role, progress)


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


_INCOMING = record(Incoming, {"file": PATH, "sha256": text()})
_APPLY = record(
    _Apply,
    {
        "role": anything,
        "host": text(),
        "clock_offset_seconds": number(-(2**53), 2**53),
        "incoming": mapping(PATH, _INCOMING),
    },
    nullable=("clock_offset_seconds",),
)
_OBSERVE = record(_Observe, {"role": anything, "host": text()})
_NAMED = record(_Named, {"role": ROLE_NAME, "host": text()})
_MISSING = record(_Missing, {"artifacts": mapping(PATH, text())})
_COMMAND = record(
    _Command, {"argv": listing(text(), least=1), "timeout_seconds": number(1e-3, 86_400), "stdin": text()}
)
_RESTART = record(_Restart, {"unit": UNIT, "drain": DRAIN}, nullable=("drain",))

_Operation = Callable[[Host, Mapping[str, object], Progress], object]

_OPERATIONS: dict[str, _Operation] = {
    "apply": _apply,
    "observe": _observe,
    "remove": _remove,
    "roles": _roles,
    "confirm": _confirm,
    "missing": _missing,
    "facts": _facts,
    "command": _command,
    "restart": _restart,
}
