"""What no manifest names any more: it goes when nobody else counts on it, and what was there before comes back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from . import accounts, packages, releases, store, units
from .machine import Machine, Owner
from .manifest import Manifest, UnitBefore
from .packages import Packages
from .store import Progress
from .values import User


def release_units(machine: Machine, before: Mapping[str, UnitBefore]) -> None:
    """Stops and disables units that came with a role; their definitions must still be there. Raises Failure."""
    for name, state in units.states(machine, before).items():
        was = before[name]
        if state.enabled and not was.enabled:
            units.command(machine, "disable", [name])
        if state.running and not was.running:
            units.command(machine, "stop", [name])


def revive_units(machine: Machine, before: Mapping[str, UnitBefore]) -> None:
    """Enables and starts units that were so before a role, and masks those that were masked. Raises Failure."""
    for name, state in units.states(machine, before).items():
        was = before[name]
        if was.masked and not state.masked:
            units.command(machine, "mask", [name])
        if was.enabled and state.exists and not state.enabled:
            units.command(machine, "enable", [name])
        if was.running and state.exists and not state.running:
            units.command(machine, "start", [name])


def let_go(machine: Machine, dpkg: Packages, old: Manifest, others: Iterable[Manifest], progress: Progress) -> None:
    """Whatever `old` names and none of `others` does goes. Can be repeated. Raises Failure."""
    known = list(others)
    paths = {path for each in known for path in each.paths()}
    for path in old.artifacts:
        if path not in paths:
            releases.forget(machine, path, ())
    for path in store.originals(machine):
        if path not in paths:
            machine.unlink(store.original_path(path))
    for path, was in old.directories_before.items():
        owner = Owner(was.mode, was.uid, was.gid)
        if not any(path in each.directories for each in known) and machine.owner(path) not in (None, owner):
            machine.set_owner(path, owner)
    for name, was in old.users_before.items():
        user = User(was.home, was.shell, was.groups)
        found = accounts.Accounts(machine).user(name)
        if found and accounts.declared_form(found, user) != user and not any(name in each.users for each in known):
            accounts.modify(machine, name, user)
    # Our directories go first: a package leaves its own only when they are empty.
    collect(machine, known)
    _drop_packages(machine, dpkg, old, known, progress)


def collect(machine: Machine, known: Iterable[Manifest]) -> None:
    """Removes the users and empty directories of ours that none of the manifests names. Raises Failure."""
    named = list(known)
    ours = store.created(machine)
    users = [name for name in ours.users if not any(name in each.users for each in named)]
    for name in users:
        accounts.remove(machine, name)
    declared = {path for each in named for path in each.directories}
    gone = [
        path
        for path in sorted(ours.directories, reverse=True)
        if path not in declared and machine.remove_empty_directory(path)
    ]
    store.remember(machine, ours.minus(users=users, directories=gone))
    store.forget_empty_originals(machine)


def _drop_packages(machine: Machine, dpkg: Packages, old: Manifest, known: list[Manifest], progress: Progress) -> None:
    wanted = {name for each in known for name in each.packages}
    held = {name for each in known for name in each.held}
    installed = {name for name, package in dpkg.read(machine).items() if package.installed}
    others = held | {*old.held_before}
    loose = [name for name in old.held if name not in others and dpkg.read(machine)[name].held]
    packages.hold(machine, loose, held=False)
    ours, configured = {*store.created(machine).packages}, store.created(machine).configured
    candidates = ours if not known else ours & {*old.packages}
    # A dependency that is still needed stays: apt knows which are not, once the packages themselves are gone.
    dropped = (candidates & {*old.packages}) - wanted
    direct = sorted(dropped & installed)
    data = [path for path, keep in old.directories.items() if keep]
    if direct:
        packages.make_ready(machine, dpkg.read(machine), progress)
        packages.remove(machine, direct, configured, data, progress)
    needless = sorted((packages.needless(machine) & ours) - wanted) if dropped else []
    if needless:
        packages.remove(machine, needless, configured, data, progress)
    left = {name for name, package in dpkg.read(machine).items() if package.installed}
    store.remember(machine, store.created(machine).minus(packages=candidates - left - wanted))
