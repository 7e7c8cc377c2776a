"""systemd units: how they are, and bringing them where they should be with the least that listeners notice."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Callable

from .failure import Failure
from .machine import Machine
from .probes import answer_once, wait_until
from .values import Drain

Progress = Callable[[str], None]

_PROPERTIES = (
    "LoadState,ActiveState,SubState,UnitFileState,MainPID,ControlGroup,ConditionResult,ConditionTimestampMonotonic"
)
_START_SECONDS = 180
_POLL_SECONDS = 0.2
JOURNAL_LINES = 20


@dataclass(frozen=True)
class UnitState:
    """How systemd has a unit."""

    load: str
    active: str
    sub: str
    file: str
    pid: int
    control_group: str
    condition_failed: bool

    @property
    def exists(self) -> bool:
        """Whether systemd finds a definition of it."""
        return self.load not in ("not-found", "")

    @property
    def running(self) -> bool:
        """Whether it is active; one that systemd keeps restarting is not."""
        return self.active in ("active", "reloading", "activating") and self.sub != "auto-restart"

    @property
    def enabled(self) -> bool:
        """Whether it starts at boot by an [Install] of its own."""
        return self.file in ("enabled", "enabled-runtime")

    @property
    def masked(self) -> bool:
        """Whether an administrator forbids its start, for good."""
        return self.file == "masked"

    @property
    def can_be_enabled(self) -> bool:
        """Whether enabling means anything: a static or generated unit is started by others."""
        return self.file in ("enabled", "enabled-runtime", "disabled", "masked", "masked-runtime", "linked", "")


ABSENT = UnitState("not-found", "inactive", "dead", "", 0, "", condition_failed=False)


def states(machine: Machine, names: Iterable[str]) -> dict[str, UnitState]:
    """The state of every named unit, by one question to systemd. Raises Failure."""
    asked = sorted(set(names))
    if not asked:
        return {}
    said = machine.ask(["systemctl", "show", f"--property={_PROPERTIES}", "--", *asked])
    if said.status != 0:
        raise Failure("units", f"systemctl show: {said.text}")
    blocks = said.stdout.strip().split("\n\n")
    if len(blocks) != len(asked):
        raise Failure("units", f"systemctl show told of {len(blocks)} units, asked for {len(asked)}")
    return {name: _state(block) for name, block in zip(asked, blocks)}


def journal(machine: Machine, unit: str | None) -> str:
    """The last lines of the unit's journal, empty without a unit."""
    if unit is None:
        return ""
    return machine.ask(
        ["journalctl", "--unit", unit, "--lines", str(JOURNAL_LINES), "--no-pager", "--output", "short-iso"], 20
    ).text


def command(machine: Machine, verb: str, names: Sequence[str], options: Sequence[str] = ()) -> None:
    """One systemctl call for all the names, none for no name. Raises Failure with the journal of the first."""
    if not names:
        return
    said = machine.run(["systemctl", verb, *options, "--", *names], _START_SECONDS)
    if said.status != 0:
        raise Failure("units", f"systemctl {verb} {' '.join(names)}: {said.text}", journal(machine, names[0]))


def reload_definitions(machine: Machine) -> None:
    """Lets systemd read its unit files again. Raises Failure."""
    said = machine.run(["systemctl", "daemon-reload"], _START_SECONDS)
    if said.status != 0:
        raise Failure("units", f"systemctl daemon-reload: {said.text}")


def restart(machine: Machine, name: str, drain: Drain | None, progress: Progress) -> None:
    """Restarts one unit; with a drain its listeners leave first, and the next one waits until it is ready.

    Raises Failure; the drain marker is away in any case.
    """
    if drain is None:
        command(machine, "restart", [name])
        return
    machine.make_directories(os.path.dirname(drain.marker))
    machine.write(drain.marker, b"", 0o644)
    try:
        progress(f"draining {name}")
        machine.wait(drain.notice_seconds)
        if drain.idle is not None and not _left(machine, drain):
            progress(f"{name} is not idle after {drain.wait_seconds:g} s, restarting it")
        command(machine, "restart", [name])
    finally:
        machine.unlink(drain.marker)
    wrong = wait_until(machine, drain.ready)
    if wrong:
        raise Failure("units", f"{name} is not ready after its restart: {wrong}", journal(machine, name))


def notice(machine: Machine, name: str, action: str, drain: Drain | None, progress: Progress) -> None:
    """Lets one unit notice what changed, by `action` (reload or restart). Raises Failure."""
    progress(f"{action}ing {name}")
    if action == "restart":
        restart(machine, name, drain, progress)
    else:
        command(machine, action, [name])


def _left(machine: Machine, drain: Drain) -> bool:
    deadline = machine.monotonic() + drain.wait_seconds
    while drain.idle is not None and answer_once(machine, drain.idle, _POLL_SECONDS * 10):
        if machine.monotonic() > deadline:
            return False
        machine.wait(_POLL_SECONDS)
    return True


def _state(block: str) -> UnitState:
    found = dict(re.findall(r"(?m)^(\w+)=(.*)$", block))
    tried = found.get("ConditionTimestampMonotonic", "0") not in ("0", "")
    return UnitState(
        load=found.get("LoadState", ""),
        active=found.get("ActiveState", ""),
        sub=found.get("SubState", ""),
        file=found.get("UnitFileState", ""),
        pid=int(found.get("MainPID", "0") or 0),
        control_group=found.get("ControlGroup", ""),
        condition_failed=tried and found.get("ConditionResult") == "no",
    )
