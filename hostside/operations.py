"""The operations a controller may ask for, by name: a request in, a result out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Callable

from .facts import facts
from .failure import Failure
from .machine import Machine
from .program import Program
from . import recovery, store
from .contract import role_of
from .manifest import NOTHING
from .observe import failing_probes, look, observed, unsettable
from .packages import Packages
from .releases import Incoming, missing
from .removal import remove
from .transaction import Apply
from .serve import Progress
from .wire import Unreadable, listing, mapping, number, record, text, typed

_PATH = text(r"/.+", "an absolute path")


@dataclass(frozen=True)
class Host:
    """Where an operation works: the machine, and the program that is installed there with the first role."""

    machine: Machine
    program: Program | None = None


@dataclass(frozen=True)
class _Missing:
    artifacts: Mapping[str, str]


@dataclass(frozen=True)
class _Command:
    argv: tuple[str, ...]
    timeout_seconds: float = 10
    stdin: str = ""


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


def _missing(host: Host, fields: Mapping[str, object], _progress: Progress) -> object:
    wanted = typed(_MISSING, fields)
    return {"missing": missing(host.machine, wanted.artifacts)}


def _facts(host: Host, _fields: Mapping[str, object], _progress: Progress) -> object:
    return facts(host.machine)


def _command(host: Host, fields: Mapping[str, object], _progress: Progress) -> object:
    wanted = typed(_COMMAND, fields)
    said = host.machine.run(wanted.argv, wanted.timeout_seconds, wanted.stdin)
    return {"status": said.status, "stdout": said.stdout, "stderr": said.stderr}


@dataclass(frozen=True)
class _Apply:
    role: object
    host: str = ""
    now: float = 0
    incoming: Mapping[str, Incoming] = field(default_factory=dict)


def _apply(host: Host, fields: Mapping[str, object], progress: Progress) -> object:
    incoming = {path: Incoming(**value) for path, value in (fields.get("incoming") or {}).items()}
    return Apply(host.machine, role_of(fields["role"]), DPKG, progress, host.program, str(fields.get("host", "")),
                 fields.get("now"), incoming).answer()


def _observe(host: Host, fields: Mapping[str, object], progress: Progress) -> object:
    role = role_of(fields["role"])
    manifest = store.manifests(host.machine).get(role.name, NOTHING)
    live = look(host.machine, role, DPKG.read(host.machine), manifest)
    cannot = unsettable(host.machine, role, live, manifest)
    failures = failing_probes(host.machine, role, cannot)
    return {"observed": observed(role, live, cannot), "healthy": not failures, "failures": failures, "unsettable": cannot}


def _remove(host: Host, fields: Mapping[str, object], progress: Progress) -> object:
    return remove(host.machine, DPKG, str(fields["role"]), progress)


def _roles(host: Host, fields: Mapping[str, object], progress: Progress) -> object:
    return {"roles": list(store.manifests(host.machine))}


def _confirm(host: Host, fields: Mapping[str, object], progress: Progress) -> object:
    return recovery.confirm(host.machine, DPKG, str(fields["role"]), progress)


DPKG = Packages()

_MISSING = record(_Missing, {"artifacts": mapping(_PATH, text())})
_COMMAND = record(
    _Command,
    {"argv": listing(text(), least=1), "timeout_seconds": number(1e-3, 86_400), "stdin": text()},
)

_Operation = Callable[[Host, Mapping[str, object], Progress], object]

_OPERATIONS: dict[str, _Operation] = {"missing": _missing, "facts": _facts, "command": _command, "apply": _apply, "observe": _observe, "remove": _remove, "roles": _roles, "confirm": _confirm}
