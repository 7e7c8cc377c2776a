"""What to do with a journal that is still there: put back, finish, confirm, or leave alone."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Iterable

from . import journal, leftovers, store
from .failure import Failure
from .journal import Journal
from .machine import Machine, is_staged, staged_name
from .manifest import NOTHING, Manifest, manifest_of
from .packages import POLICY, Packages, restore_policy
from .program import LINK, OWN_PATHS, PLACE, uninstall_if_unused
from .store import Progress

_EARLY_SECONDS = 2.0


def finish(machine: Machine, dpkg: Packages, progress: Progress, *, also_armed: Iterable[str] = ()) -> list[str]:
    """Deals with every journal that was left, and says what was done.

    A change waits for its confirmation as long as its time lasts, unless its role is in `also_armed`.
    Raises Failure and OSError when that is not possible; the journal stays.
    """
    notes: list[str] = []
    restore_policy(machine)
    _sweep(machine)
    for role in journal.roles(machine):
        left = journal.load(machine, role)
        if left is None:
            journal.close(machine, role)
        elif left.committed:
            conclude(machine, dpkg, left, progress)
        elif not left.armed_until or role in also_armed or machine.now() >= left.armed_until - _EARLY_SECONDS:
            progress(f"undoing an interrupted change of {role}")
            refused = undo(machine, left)
            notes.append(f"undid an interrupted change of {role}" + "".join(f"; {each}" for each in refused))
    return notes


def _sweep(machine: Machine) -> None:
    """Removes what was written and never put in its place, beside everything of our own."""
    for place in (store.STATE, store.MANIFESTS, store.UNDONE, PLACE):
        for name in machine.names(place):
            if is_staged(name):
                machine.unlink(f"{place}/{name}")
    for path in (POLICY, *OWN_PATHS):
        machine.unlink(staged_name(path))


def undo(machine: Machine, left: Journal, *, booting: bool = False) -> list[str]:
    """Puts a change back and takes away what was made for it. Raises OSError."""
    if left.armed_until:
        machine.make_private(store.UNDONE)
        at = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(machine.now()))
        text = f"the change was not confirmed over a new connection and was undone at {at}\n"
        machine.write(f"{store.UNDONE}/{left.role}", text.encode())
        stop_timer(machine, left.role)
    refused = journal.undo(machine, left, booting=booting)
    if not booting:
        leftovers.collect(machine, store.manifests(machine).values())
    return refused


def seal(machine: Machine, written: Journal) -> Journal:
    """The change stays: once this is on the disk it is never undone. Raises OSError."""
    committed = dataclasses.replace(written, committed=True, armed_until=0)
    journal.save(machine, committed)
    machine.unlink(f"{store.UNDONE}/{written.role}")
    return committed


def conclude(machine: Machine, dpkg: Packages, committed: Journal, progress: Progress) -> None:
    """Takes away what the change made needless, and ends it. Can be repeated. Raises Failure."""
    known = store.manifests(machine)
    leftovers.let_go(machine, dpkg, old_manifest(machine, committed), known.values(), progress)
    journal.close(machine, committed.role)


def leave(machine: Machine) -> None:
    """After a failed first apply nothing of ours stays. Raises Failure and OSError."""
    leftovers.collect(machine, store.manifests(machine).values())
    uninstall_if_unused(machine)


def old_manifest(machine: Machine, written: Journal) -> Manifest:
    """The manifest the role had before the change."""
    for entry in written.entries:
        if entry.path == store.manifest_path(written.role) and entry.backup:
            return manifest_of(machine.read(f"{journal.directory(written.role)}/{entry.backup}") or b"")
    return NOTHING


def arm(machine: Machine, written: Journal, seconds: float) -> None:
    """From here the controller has `seconds` to confirm. Raises Failure and OSError."""
    stop_timer(machine, written.role)
    start_timer(machine, written.role, seconds)
    journal.save(machine, dataclasses.replace(written, armed_until=machine.now() + seconds))


def confirm(machine: Machine, dpkg: Packages, role: str, progress: Progress) -> dict[str, object]:
    """Keeps an armed change. Raises Failure when it was undone already."""
    with store.lock(machine, progress):
        left = journal.load(machine, role)
        if left is None or left.committed:
            undone = machine.text(f"{store.UNDONE}/{role}").strip()
            if undone:
                raise Failure("confirm", undone)
            return {"confirmed": True}
        if not left.armed_until:
            raise Failure("confirm", f"the last change of {role} was interrupted; apply it again")
        conclude(machine, dpkg, seal(machine, left), progress)
        stop_timer(machine, role)
        return {"confirmed": True}


def recover(machine: Machine, dpkg: Packages, role: str | None, progress: Progress, *, booting: bool) -> list[str]:
    """What the timer (one role) and the boot (all of them) do. Raises Failure and OSError."""
    with store.lock(machine, progress):
        if not booting:
            return finish(machine, dpkg, progress)
        restore_policy(machine)
        notes: list[str] = []
        for name in journal.roles(machine):
            left = journal.load(machine, name)
            # Packages are not touched while booting; the next apply concludes what was committed.
            if left is not None and not left.committed and role in (None, name):
                notes.append(f"undid an interrupted change of {name}")
                notes += undo(machine, left, booting=True)
        return notes


def start_timer(machine: Machine, role: str, seconds: float) -> None:
    """Lets systemd undo the change after `seconds`, whatever becomes of this program. Raises Failure."""
    argv = ["systemd-run", "--quiet", "--collect", f"--unit={_timer(role)}", f"--on-active={seconds:g}s"]
    said = machine.run([*argv, "--timer-property=AccuracySec=100ms", "--", LINK, "recover", "--role", role])
    if said.status != 0:
        raise Failure("confirm", f"no timer, no change that can lock out: {said.text}")


def stop_timer(machine: Machine, role: str) -> None:
    """The timer of a role goes; one that has gone is as good."""
    with contextlib.suppress(Failure):
        machine.run(["systemctl", "stop", f"{_timer(role)}.timer"])


def _timer(role: str) -> str:
    return f"soundstage-revert-{role}"
