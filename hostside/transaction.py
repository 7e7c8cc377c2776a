"""One apply: from what a role declares to a host that is so and was asked, or one that is as it was before."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from . import accounts, packages, plan, recovery, releases, sandbox, store
from .change import Change, Situation, change_of
from .commit import Commit
from .facts import facts, shortfalls
from .failure import Failure, Secrets
from .kernel import persisted
from .machine import Machine
from .manifest import NOTHING, Manifest
from .observe import Live, look, observed, unsettable
from .packages import Packages
from .program import Program, install
from .releases import Incoming
from .store import Progress
from .swap import missing_directories
from .values import Role, User
from .verification import verify_or_repair


@dataclass
class Apply:
    """One apply of one role; `answer` does it."""

    machine: Machine
    role: Role
    dpkg: Packages
    progress: Progress
    program: Program | None = None
    host: str = ""
    clock_offset_seconds: float | None = None
    """How far the controller found this host's clock to be off at least."""
    incoming: Mapping[str, Incoming] = field(default_factory=dict[str, Incoming])
    step: str = "lock"
    notes: list[str] = field(default_factory=list[str])
    modified: dict[str, User] = field(default_factory=dict[str, User])

    def answer(self) -> dict[str, object]:
        """Does everything and returns the result for the controller. Raises Failure, without a secret in it."""
        secrets = Secrets(self.role.files.values())
        try:
            with store.lock(self.machine, self.progress):
                try:
                    return self._locked()
                except (Failure, OSError):
                    # The failure is what is told; what could not be tidied now the next run tidies.
                    with contextlib.suppress(Failure, OSError):
                        recovery.leave(self.machine)
                    raise
        except Failure as failure:
            raise Failure(failure.step, secrets.hide(failure.message), secrets.hide(failure.journal)) from failure
        except OSError as error:
            where = f": {error.filename}" if isinstance(error.filename, str) else ""
            raise Failure(self.step, f"{error.strerror or error}{where}") from error
        finally:
            for sent in self.incoming.values():
                self.machine.unlink(sent.file)

    def _locked(self) -> dict[str, object]:
        self.step = "recover"
        self.notes += recovery.finish(self.machine, self.dpkg, self.progress, also_armed=[self.role.name])
        self._require()
        known = store.manifests(self.machine)
        manifest = known.pop(self.role.name, NOTHING)
        self._claim(known)
        self.step = "look"
        live = self._look(manifest)
        cannot = unsettable(self.machine, self.role, live, manifest)
        left = plan.difference(self.role, live, manifest, cannot)
        if not left.changed:
            self.step = "verify"
            repaired = verify_or_repair(self.machine, self.role, cannot, self.progress, self.notes)
            return self._result(live if not repaired else self._look(manifest), manifest, repaired, armed=False)
        try:
            armed = self._change(manifest, live, left, cannot)
        except (Failure, OSError):
            self._clean_up()
            raise
        manifest = store.manifests(self.machine)[self.role.name]
        return self._result(self._look(manifest), manifest, left.changed, armed=armed)

    def _look(self, manifest: Manifest) -> Live:
        return look(self.machine, self.role, self.dpkg.read(self.machine), manifest)

    def _paths(self) -> list[str]:
        """Every path that is the role's own."""
        return [*self.role.files, *self.role.absent, *self.role.artifacts, *persisted(self.role)]

    def _require(self) -> None:
        missing = shortfalls(self.role.requires, facts(self.machine), self.clock_offset_seconds)
        if missing:
            raise Failure("requires", "; ".join(missing))

    def _claim(self, others: Mapping[str, Manifest]) -> None:
        """Refuses what another role on this host owns."""
        paths = self._paths()
        taken: list[str] = []
        for name, other in sorted(others.items()):
            owned = other.paths()
            taken += [f"{path} belongs to the role {name}" for path in paths if path in owned]
            taken += [
                f"{key} is {other.sysctl[key]!r} for the role {name}"
                for key, value in self.role.sysctl.items()
                if other.sysctl.get(key, value) != value
            ]
            taken += [
                f"{package} is pinned to {other.packages[package]} by the role {name}"
                for package, version in self.role.packages.items()
                if version and other.packages.get(package, version) not in ("", version)
            ]
        if taken:
            raise Failure("claims", "; ".join(taken))

    def _change(self, manifest: Manifest, first: Live, left: plan.Plan, cannot: Mapping[str, str]) -> bool:
        """Packages, users, releases, validation, then the part that can be undone. Whether it waits for a confirm."""
        self.step = "install"
        there = frozenset(path for path in self._paths() if self.machine.lstat(path) is not None)
        install(self.machine, self.program)
        upgraded = self._packages(left, first)
        self._users(left, first)
        self.step = "stage"
        live = self._look(manifest)
        left = plan.difference(self.role, live, manifest, cannot)
        change = change_of(self.machine, Situation(self.role, manifest, there, first, live, left, upgraded))
        self._releases(change, manifest)
        self.step = "validate"
        if self.role.validate_with and change.changes.paths:
            self.progress("validating")
            for top in sandbox.missing_tops(self.machine, change.changes):
                self.machine.make_directories(top)
            sandbox.validate(self.machine, change.changes, self.role.validate_with)
        commit = Commit(self.machine, self.role, change, self.dpkg, self.progress, dict(cannot))
        try:
            return commit.run(self.host, self.program.name if self.program else "")
        finally:
            self.step = commit.step
            self.notes += commit.notes

    def _packages(self, left: plan.Plan, first: Live) -> bool:
        """Installs and holds; whether a package that was there got another version."""
        self.step = "packages"
        before = first.packages
        if left.packages or left.hold:
            packages.make_ready(self.machine, before, self.progress)
        if left.packages:
            new = packages.would_install(self.machine, left.packages, self.progress)
            configured = [name for name in new if name in before and before[name].state == "config-files"]
            store.remember(self.machine, store.created(self.machine).plus(packages=new, configured=configured))
            packages.install(self.machine, left.packages, self.progress)
        packages.hold(self.machine, left.hold, held=True)
        after = self.dpkg.read(self.machine)
        return any(
            name in before and before[name].installed and name in after and before[name].version != after[name].version
            for name in left.packages
        )

    def _users(self, left: plan.Plan, first: Live) -> None:
        self.step = "users"
        known = accounts.Accounts(self.machine)
        wanted = [name for name in self.role.users if name in left.users]
        new = [name for name in wanted if known.user(name) is None]
        ours = store.created(self.machine).plus(users=new)
        store.remember(self.machine, ours)
        for name in wanted:
            self.progress(f"user {name}")
            before = first.accounts.user(name)
            if before is not None:
                self.modified[name] = User(before.home, before.shell, before.groups)
            accounts.ensure(self.machine, name, self.role.users[name], self.role.directories)
        accounts.take_back(self.machine, {*ours.users} & {*self.role.users}, self.role.directories)

    def _releases(self, change: Change, manifest: Manifest) -> None:
        """Unpacks what is not there; the directories for it and for the swap are written down as ours first."""
        artifacts = {path: self.role.artifacts[path] for path in change.changes.links if path in self.role.artifacts}
        places = [releases.releases_directory(path) for path in artifacts]
        new = missing_directories(self.machine, change.changes, places)
        store.remember(self.machine, store.created(self.machine).plus(directories=new))
        for path, artifact in artifacts.items():
            known = manifest.artifacts.get(path)
            if releases.ensure(self.machine, path, artifact, self.incoming.get(path), known):
                self.progress(f"unpacked {path}")

    def _clean_up(self) -> None:
        """After a failure: what was made for the change and is not used goes; accounts are as they were."""
        known = store.manifests(self.machine)
        for path in self.role.artifacts:
            used = known[self.role.name].artifacts.get(path) if self.role.name in known else None
            releases.forget(self.machine, path, [used.sha256] if used else [])
        for name, user in self.modified.items():
            accounts.modify(self.machine, name, user)

    def _result(self, live: Live, manifest: Manifest, changed: list[str], *, armed: bool) -> dict[str, object]:
        cannot = unsettable(self.machine, self.role, live, manifest)
        return {
            "observed": observed(self.role, live, cannot),
            "changed": changed,
            "notes": self.notes,
            "armed": armed,
            "unsettable": cannot,
        }
