"""What one apply does to files, units and kernel keys, and what the host has to remember of it."""

from __future__ import annotations

import dataclasses
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from . import kernel, plan, releases, store
from .failure import Failure
from .journal import Entry, Journal
from .machine import Machine, Owner
from .manifest import Manifest, OwnerBefore, UnitBefore, UserBefore
from .observe import Live
from .swap import Changes
from .units import ABSENT, UnitState
from .values import Role

_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Change:
    """One change: what is swapped, the journal that can undo it, and the manifest it ends in.

    `originals` are kept; those in `found` were otherwise on the host before the role and its packages came.
    """

    changes: Changes
    journal: Journal
    originals: tuple[str, ...]
    found: tuple[str, ...]
    stale_units: Mapping[str, UnitBefore]
    kernel_keys: Mapping[str, str]
    previous: Mapping[str, str]
    manifest: Manifest


@dataclass(frozen=True)
class Situation:
    """What a change is computed from: the first look, the look after packages and users, the last manifest.

    `there` are the paths of the role that were on the host at the first look.
    """

    role: Role
    manifest: Manifest
    there: frozenset[str]
    first: Live
    live: Live
    left: plan.Plan
    upgraded: bool


def change_of(machine: Machine, now: Situation) -> Change:
    """Works out the change; only looks. Raises Failure when a directory stands where a file should."""
    changes = _changes(machine, now)
    role, manifest = now.role, now.manifest
    actions = plan.actions(role, manifest, changes.paths, now.live.units, upgraded=now.upgraded)
    stale_keys = {key: value for key, value in manifest.sysctl_before.items() if key not in role.sysctl}
    keys = {**{key: role.sysctl[key] for key in now.left.sysctl}, **stale_keys}
    stale_units = {name: before for name, before in manifest.units_before.items() if name not in role.units}
    owners = {path: owner for path in changes.directories if (owner := machine.owner(path)) is not None}
    entries = [*changes.paths, store.manifest_path(role.name)]
    journal = Journal(
        role=role.name,
        entries=tuple(Entry(path) for path in entries),
        owners={path: OwnerBefore(*owner) for path, owner in owners.items()},
        units={name: _before(now.first.units.get(name, ABSENT)) for name in [*role.units, *stale_units]},
        actions=actions,
        sysctl={key: now.live.sysctl[key] for key in keys if key in now.live.sysctl},
        markers=tuple(unit.drain.marker for unit in role.units.values() if unit.drain is not None),
        reload_definitions=plan.defines_units(changes.paths),
    )
    previous = {path: release.sha256 for path, release in manifest.artifacts.items()}
    originals = _originals(machine, now, changes)
    found = tuple(path for path in originals if path in now.there and path in changes.paths)
    return Change(changes, journal, originals, found, stale_units, keys, previous, _manifest(machine, now, owners))


def finished(
    machine: Machine, manifest: Manifest, role: Role, unsettable: Mapping[str, str], program: str, host: str
) -> Manifest:
    """The manifest with what is known only when the change is done."""
    paths = [*manifest.files, *manifest.artifacts]
    return dataclasses.replace(
        manifest,
        applied=machine.now(),
        host=host,
        program=program,
        unsettable=dict(unsettable),
        artifacts={path: releases.record_of(machine, path, each) for path, each in role.artifacts.items()},
        stamps={path: stamp(machine, path) for path in paths},
    )


def stamp(machine: Machine, path: str) -> str:
    """An inode fingerprint: while it is the same, nobody wrote to the path; empty when it is gone."""
    found = machine.lstat(path)
    if found is None:
        return ""
    # Not the time of the last status change: a rename that puts the very file back sets it.
    return f"{found.st_ino}.{found.st_size}.{found.st_mtime_ns}.{found.st_mode:o}.{found.st_uid}.{found.st_gid}"


def _changes(machine: Machine, now: Situation) -> Changes:
    accounts = now.live.accounts
    files = {path: (file.content.encode(), accounts.owner_of(file)) for path, file in now.left.files.items()}
    links = {
        path: f".releases/{os.path.basename(releases.release_path(path, artifact.sha256))}"
        for path, artifact in now.left.links.items()
    }
    gone: list[str] = []
    for path in now.left.gone:
        original = store.original_path(path)
        target = machine.link_target(original)
        content = machine.read(original) if target is None else None
        owner = machine.owner(original)
        if path in now.role.absent or owner is None:
            gone.append(path)
        elif target is not None:
            links[path] = target
        elif content is not None:
            files[path] = content, owner
    directories: dict[str, Owner] = {
        path: accounts.owner_of(now.role.directories[path]) for path in now.left.directories
    }
    for path in [*files, *links, *gone]:
        found = machine.lstat(path)
        if found is not None and stat.S_ISDIR(found.st_mode):
            raise Failure("swap", f"{path} is a directory on this host; the role declares a file or link there")
    return Changes(directories, files, links, tuple(gone))


def _originals(machine: Machine, now: Situation, changes: Changes) -> tuple[str, ...]:
    """What is replaced, and what was there as declared: without an original it would go with the role."""
    known, equal = now.manifest.paths(), sorted(now.there - {*changes.paths})
    return tuple(path for path in (*changes.paths, *equal) if path not in known and machine.lstat(path) is not None)


def _manifest(machine: Machine, now: Situation, owners: Mapping[str, Owner]) -> Manifest:
    role, old, created = now.role, now.manifest, store.created(machine)
    first = now.first.accounts
    users_before = {
        name: UserBefore(account.home, account.shell, account.groups)
        for name in role.users
        if (account := first.user(name)) is not None and name not in created.users
    }
    new_owners = {
        path: OwnerBefore(*owner)
        for path, owner in owners.items()
        if path not in old.directories and path not in created.directories
    }
    return Manifest(
        role=role.name,
        applied=0,
        files={path: dict(file.on_change) for path, file in {**role.files, **kernel.persisted(role)}.items()},
        absent=role.absent,
        directories={path: each.keep for path, each in role.directories.items()},
        packages=dict(role.packages),
        held=tuple(name for name, version in role.packages.items() if version),
        held_before=tuple(name for name in role.packages if _was_held(name, now)),
        users=tuple(role.users),
        units=tuple(role.units),
        sysctl=dict(role.sysctl),
        verify=role.verify,
        remove_with=role.remove_with,
        units_before={
            name: old.units_before.get(name, _before(now.first.units.get(name, ABSENT))) for name in role.units
        },
        users_before={**users_before, **_still(old.users_before, role.users)},
        directories_before={**new_owners, **_still(old.directories_before, role.directories)},
        sysctl_before={**_still(now.first.sysctl, role.sysctl), **_still(old.sysctl_before, role.sysctl)},
    )


def _was_held(name: str, now: Situation) -> bool:
    """Whether somebody else held the package before the role did."""
    if name in now.manifest.packages:
        return name in now.manifest.held_before
    found = now.first.packages.get(name)
    return found is not None and found.held


def _still(before: Mapping[str, _Value], declared: Mapping[str, object]) -> dict[str, _Value]:
    return {key: value for key, value in before.items() if key in declared}


def _before(state: UnitState) -> UnitBefore:
    return UnitBefore(state.enabled, state.running, state.masked)
