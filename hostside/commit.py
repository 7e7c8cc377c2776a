"""The part of an apply that can be undone: backup, swap, units, verify; kept as a whole or put back as a whole."""

from __future__ import annotations

from dataclasses import dataclass, field

from . import journal, kernel, leftovers, listeners, plan, recovery, releases, store, units
from .change import Change, finished
from .failure import Failure
from .machine import Machine
from .observe import Live, look, unsettable
from .packages import Packages
from .store import Progress
from .swap import swap
from .values import Role
from .verification import verify


@dataclass
class Commit:
    """One change on its way; `step` is where it is."""

    machine: Machine
    role: Role
    change: Change
    dpkg: Packages
    progress: Progress
    cannot: dict[str, str]
    step: str = "backup"
    notes: list[str] = field(default_factory=list[str])
    acted: set[str] = field(default_factory=set[str])

    def run(self, host: str, program: str) -> bool:
        """Does the change; whether it waits to be confirmed. Raises Failure and OSError with the host as before."""
        written = self._prepare()
        try:
            if self.role.confirm_seconds > 0:
                recovery.start_timer(self.machine, self.role.name, self.role.confirm_seconds)
            self._do()
            self._verify()
            self.step = "manifest"
            store.write_manifest(
                self.machine, finished(self.machine, self.change.manifest, self.role, self.cannot, program, host)
            )
            if self.role.confirm_seconds > 0:
                recovery.arm(self.machine, written, self.role.confirm_seconds)
                return True
            written = recovery.seal(self.machine, written)
        # Whatever went wrong, half a change must not stay; the reason is told afterwards.
        except Exception as error:  # noqa: BLE001
            self._put_back(written, error)
        self.step = "leave"
        try:
            self._forget_releases()
            recovery.conclude(self.machine, self.dpkg, written, self.progress)
        except (Failure, OSError) as error:
            # The change itself is done and verified; its journal stays, and the next run takes this up again.
            self.notes.append(f"what is no longer needed is still there: {error}")
        return False

    def _prepare(self) -> journal.Journal:
        try:
            written = journal.prepare(self.machine, self.change.journal, self.change.originals)
        except OSError:
            journal.abandon(self.machine, self.change.journal.role, self.change.originals)
            raise
        self.notes += [f"kept the original of {path}; removal puts it back" for path in self.change.found]
        return written

    def _do(self) -> None:
        self.step = "swap"
        leftovers.release_units(self.machine, self.change.stale_units)
        changes = self.change.changes
        if changes.paths:
            self.progress(f"changing {', '.join(changes.paths[:3])}" + (" …" if len(changes.paths) > 3 else ""))
        swap(self.machine, changes)
        self.step = "sysctl"
        for key, value in self.change.kernel_keys.items():
            reason = kernel.set_live(self.machine, key, value)
            if reason and key in self.role.sysctl:
                self.cannot[key] = reason
        self.step = "units"
        if self.change.journal.reload_definitions:
            units.reload_definitions(self.machine)
        leftovers.revive_units(self.machine, self.change.stale_units)
        self._bring_units()

    def _bring_units(self) -> None:
        states = units.states(self.machine, self.role.units)
        steps = plan.unit_steps(self.role, states, self.cannot)
        units.command(self.machine, "unmask", steps.unmask)
        units.command(self.machine, "enable", steps.enable)
        units.command(self.machine, "disable", steps.disable)
        units.command(self.machine, "stop", steps.stop)
        units.command(self.machine, "reset-failed", [name for name in steps.start if states[name].active == "failed"])
        for name in steps.start:
            self.acted.add(name)
            self.progress(f"starting {name}")
            units.command(self.machine, "start", [name])
        for name, action in self.change.journal.actions.items():
            self.acted.add(name)
            declared = self.role.units.get(name)
            units.notice(self.machine, name, action, declared.drain if declared else None, self.progress)

    def _verify(self) -> None:
        """Asks the probes; a unit that was started and died since is a failure, also when no probe asks for it."""
        self.step = "verify"
        self._look()
        verify(self.machine, self.role, self.cannot, self.progress)
        live = self._look()
        for name in plan.unit_steps(self.role, live.units, self.cannot).start:
            message = f"{name} does not stay up, it is {live.units[name].active}"
            raise Failure("verify", message, units.journal(self.machine, name))
        if self.acted:
            shared = listeners.beside(self.machine, self.role.units)
            if shared:
                raise Failure("verify", shared)

    def _look(self) -> Live:
        live = look(self.machine, self.role, self.dpkg.read(self.machine))
        self.cannot.update(unsettable(self.machine, self.role, live, self.change.manifest))
        return live

    def _put_back(self, written: journal.Journal, error: Exception) -> None:
        """Undoes the change and raises what went wrong."""
        said = f"{error.message}\n{error.journal}" if isinstance(error, Failure) else ""
        taken = listeners.in_the_way(self.machine, self.role.units, said)
        self.progress("putting everything back")
        recovery.stop_timer(self.machine, self.role.name)
        refused = journal.undo(self.machine, written, self.acted)
        told = f"; {taken}" if taken else ""
        told += f"; putting back: {'; '.join(refused)}" if refused else "; everything is as it was before"
        if isinstance(error, Failure):
            raise Failure(error.step, error.message + told, error.journal) from error
        if isinstance(error, OSError):
            raise OSError(error.errno, f"{error.strerror}{told}", error.filename) from error
        raise Failure(self.step, f"{type(error).__name__}{told}") from error

    def _forget_releases(self) -> None:
        """The release in use and the one before it stay, for the way back; older ones go."""
        for path in self.change.changes.links:
            if path in self.role.artifacts:
                before = [self.change.previous[path]] if path in self.change.previous else []
                releases.forget(self.machine, path, [self.role.artifacts[path].sha256, *before])
