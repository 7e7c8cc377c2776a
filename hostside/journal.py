"""The journal of one change: enough to put everything back, also after a power cut in the middle of putting back."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Callable

from . import kernel, units
from .failure import Failure
from .machine import Machine, Owner, staged_name
from .manifest import OWNER_BEFORE, UNIT_BEFORE, OwnerBefore, UnitBefore
from .packages import restore_policy
from .store import JOURNALS, forget_empty_originals, original_path
from .wire import Reader, boolean, integer, listing, mapping, number, record, text, typed

VERSION = 1

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Entry:
    """One path of the change; `backup` names its old content in the journal's directory, "" when there was none."""

    path: str
    backup: str = ""


@dataclass(frozen=True)
class Journal:
    """What a change touches, as it was before.

    Above 0, `armed_until` says when an unconfirmed change is undone; a `committed` one is never undone.
    """

    role: str
    entries: tuple[Entry, ...] = ()
    originals: tuple[str, ...] = ()
    owners: Mapping[str, OwnerBefore] = field(default_factory=dict[str, OwnerBefore])
    units: Mapping[str, UnitBefore] = field(default_factory=dict[str, UnitBefore])
    actions: Mapping[str, str] = field(default_factory=dict[str, str])
    sysctl: Mapping[str, str] = field(default_factory=dict[str, str])
    markers: tuple[str, ...] = ()
    reload_definitions: bool = False
    armed_until: float = 0
    committed: bool = False
    version: int = VERSION


def directory(role: str) -> str:
    """Where the journal of a role's change lies while there is one."""
    return f"{JOURNALS}/{role}"


def prepare(machine: Machine, journal: Journal, originals: Collection[str]) -> Journal:
    """Backs up every entry, keeps the given originals, and writes the journal: from its last sync on it counts."""
    place = directory(journal.role)
    machine.make_private(JOURNALS)
    machine.remove_tree(place)
    machine.make_private(place)
    entries: list[Entry] = []
    for index, entry in enumerate(journal.entries):
        if machine.lstat(entry.path) is None:
            entries.append(entry)
            continue
        machine.copy(entry.path, f"{place}/{index}")
        machine.sync(f"{place}/{index}")
        entries.append(Entry(entry.path, str(index)))
    for path in originals:
        kept = original_path(path)
        machine.make_private(os.path.dirname(kept))
        machine.copy(path, kept)
        machine.sync(kept)
        machine.settle(os.path.dirname(kept))
    machine.settle(place)
    whole = dataclasses.replace(journal, entries=tuple(entries), originals=tuple(originals))
    save(machine, whole)
    return whole


def save(machine: Machine, journal: Journal) -> None:
    """Writes the journal itself, durable on return."""
    machine.write(f"{directory(journal.role)}/journal.json", json.dumps(dataclasses.asdict(journal)).encode())


def load(machine: Machine, role: str) -> Journal | None:
    """The journal of a role, or None; what was never finished does not count. Raises Unreadable."""
    content = machine.read(f"{directory(role)}/journal.json")
    return None if content is None else typed(_JOURNAL, json.loads(content), f"journal of {role}")


def close(machine: Machine, role: str) -> None:
    """Ends a change: after its first effect the change stays."""
    place = directory(role)
    if machine.lstat(f"{place}/journal.json") is not None:
        machine.unlink(f"{place}/journal.json")
        machine.settle(place)
    machine.remove_tree(place)


def abandon(machine: Machine, role: str, originals: Collection[str]) -> None:
    """Takes away a journal that could not be written; nothing was changed yet."""
    for path in originals:
        machine.unlink(original_path(path))
    close(machine, role)


def roles(machine: Machine) -> list[str]:
    """The roles that have a journal, finished or not."""
    return machine.names(JOURNALS)


def undo(
    machine: Machine, journal: Journal, acted: Collection[str] | None = None, *, booting: bool = False
) -> list[str]:
    """Puts everything back; returns what a unit or the kernel refused. `acted` are the units that noticed the change.

    Without `acted` all of them may have. Can be repeated: each step looks first. While booting nothing is waited
    for, systemd starts what is enabled anyway. Raises OSError when a file cannot be put back; the journal stays.
    """
    attempt = _Attempts(machine, booting=booting)
    restore_policy(machine)
    # What came with the change stops while its definition is still there.
    attempt.units_down(journal)
    _files_back(machine, journal)
    for key, value in journal.sysctl.items():
        if kernel.live(machine, {key: value}).get(key) != value:
            reason = kernel.set_live(machine, key, value)
            attempt.refused += [f"{key}: {reason}"] if reason else []
    if journal.reload_definitions:
        units.reload_definitions(machine)
    attempt.units_up(journal, acted)
    forget_empty_originals(machine)
    close(machine, journal.role)
    return attempt.refused


class _Attempts:
    """Unit commands that must not keep the rest from being put back."""

    def __init__(self, machine: Machine, *, booting: bool) -> None:
        self._machine = machine
        self._booting = booting
        self._options = ["--no-block"] if booting else []
        self.refused: list[str] = []

    def _command(self, verb: str, name: str, options: Sequence[str] = ()) -> None:
        try:
            units.command(self._machine, verb, [name], options)
        except Failure as failure:
            self.refused.append(failure.message)

    def units_down(self, journal: Journal) -> None:
        """Disables and stops what was not enabled or running before."""
        for name, state in units.states(self._machine, journal.units).items():
            before = journal.units[name]
            if state.enabled and not before.enabled:
                self._command("disable", name)
            if state.exists and not before.running and (self._booting or state.running):
                self._command("stop", name, self._options)

    def units_up(self, journal: Journal, acted: Collection[str] | None) -> None:
        """Enables and starts what was, and lets the units that noticed the change notice its end."""
        for name, state in units.states(self._machine, {*journal.units, *journal.actions}).items():
            before = journal.units.get(name, UnitBefore(enabled=state.enabled, running=True))
            if before.enabled and not state.enabled:
                self._command("enable", name)
            if before.masked and not state.masked:
                self._command("mask", name)
            if before.running and not state.running:
                if state.active == "failed":
                    self._command("reset-failed", name)
                self._command("start", name, self._options)
            elif name in journal.actions and not self._booting and (acted is None or name in acted):
                self._command(journal.actions[name], name)


def _files_back(machine: Machine, journal: Journal) -> None:
    place = directory(journal.role)
    for entry in journal.entries:
        machine.unlink(staged_name(entry.path))
        if not entry.backup:
            machine.unlink(entry.path)
        elif machine.lstat(f"{place}/{entry.backup}") is not None:
            machine.move(f"{place}/{entry.backup}", entry.path)
    for path in [*(original_path(path) for path in journal.originals), *journal.markers]:
        machine.unlink(path)
    for path, before in journal.owners.items():
        owner = Owner(before.mode, before.uid, before.gid)
        if machine.owner(path) not in (None, owner):
            machine.set_owner(path, owner)
    for place in sorted({os.path.dirname(entry.path) for entry in journal.entries}):
        if machine.is_directory(place):
            machine.settle(place)


_TEXT = text()
_JOURNAL: Reader[Journal] = record(
    Journal,
    {
        "role": _TEXT,
        "entries": listing(record(Entry, {"path": _TEXT, "backup": _TEXT})),
        "originals": listing(_TEXT),
        "owners": mapping(_TEXT, OWNER_BEFORE),
        "units": mapping(_TEXT, UNIT_BEFORE),
        "actions": mapping(_TEXT, _TEXT),
        "sysctl": mapping(_TEXT, _TEXT),
        "markers": listing(_TEXT),
        "reload_definitions": boolean,
        "armed_until": number(0, 2**53),
        "committed": boolean,
        "version": integer(1, VERSION),
    },
)
