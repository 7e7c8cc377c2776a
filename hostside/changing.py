"""The operations that change what a role is on the host: apply, remove, confirm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from . import recovery
from .contract import PATH, ROLE_NAME, role_of
from .operations import Host, Operation
from .releases import Incoming
from .removal import remove
from .store import Progress
from .transaction import Apply
from .wire import anything, mapping, number, record, text, typed


@dataclass(frozen=True)
class _Apply:
    role: object
    host: str = ""
    clock_offset_seconds: float | None = None
    incoming: Mapping[str, Incoming] = field(default_factory=dict[str, Incoming])


@dataclass(frozen=True)
class _Named:
    role: str
    host: str = ""


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


def _remove(host: Host, fields: Mapping[str, object], progress: Progress) -> object:
    return remove(host.machine, host.dpkg, typed(_NAMED, fields).role, progress)


def _confirm(host: Host, fields: Mapping[str, object], progress: Progress) -> object:
    return recovery.confirm(host.machine, host.dpkg, typed(_NAMED, fields).role, progress)


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
_NAMED = record(_Named, {"role": ROLE_NAME, "host": text()})

OPERATIONS: dict[str, Operation] = {"apply": _apply, "remove": _remove, "confirm": _confirm}
