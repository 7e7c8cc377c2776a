"""The operations a controller may ask for, by name: a request in, a result out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Callable

from .facts import facts
from .failure import Failure
from .machine import Machine
from .program import Program
from .releases import missing
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


_MISSING = record(_Missing, {"artifacts": mapping(_PATH, text())})
_COMMAND = record(
    _Command,
    {"argv": listing(text(), least=1), "timeout_seconds": number(1e-3, 86_400), "stdin": text()},
)

_Operation = Callable[[Host, Mapping[str, object], Progress], object]

_OPERATIONS: dict[str, _Operation] = {"missing": _missing, "facts": _facts, "command": _command}
