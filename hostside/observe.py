"""How the host is now, seen through what a role declares."""

from __future__ import annotations

import dataclasses
import stat
from collections.abc import Mapping
from dataclasses import dataclass

from . import kernel, releases, units
from .accounts import Accounts, as_plain, declared_form
from .effective import without_effect
from .machine import Machine, Owner
from .manifest import NOTHING, Manifest
from .packages import Package
from .probes import wait_until
from .values import Role

_PATIENCE_SECONDS = 3.0


@dataclass(frozen=True)
class Live:
    """What is there for each thing a role declares; None or missing when it is not."""

    accounts: Accounts
    packages: Mapping[str, Package]
    files: Mapping[str, tuple[bytes, Owner]]
    directories: Mapping[str, Owner]
    present: frozenset[str]
    artifacts: Mapping[str, str]
    units: Mapping[str, units.UnitState]
    sysctl: Mapping[str, str]


def look(machine: Machine, role: Role, packages: Mapping[str, Package], manifest: Manifest = NOTHING) -> Live:
    """Looks once at everything the role and its last manifest name. Raises Failure."""
    files: dict[str, tuple[bytes, Owner]] = {}
    for path in {**role.files, **kernel.persisted(role)}:
        found = machine.lstat(path)
        if found is not None and stat.S_ISREG(found.st_mode):
            content = machine.read(path)
            if content is not None:
                files[path] = content, Owner(stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid)
    directories: dict[str, Owner] = {}
    for path in role.directories:
        found = machine.lstat(path)
        if found is not None and stat.S_ISDIR(found.st_mode):
            directories[path] = Owner(stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid)
    concerned = [name for on_change in manifest.paths().values() for name in on_change]
    concerned += [name for file in role.files.values() for name in file.on_change]
    concerned += [name for artifact in role.artifacts.values() for name in artifact.on_change]
    return Live(
        accounts=Accounts(machine),
        packages=packages,
        files=files,
        directories=directories,
        present=frozenset(path for path in role.absent if machine.lstat(path) is not None),
        artifacts={
            path: sha256
            for path in role.artifacts
            if (sha256 := releases.live_sha256(machine, path, manifest.artifacts.get(path))) is not None
        },
        units=units.states(machine, [*role.units, *manifest.units, *concerned]),
        sysctl=kernel.live(machine, {**role.sysctl, **manifest.sysctl}),
    )


def unsettable(machine: Machine, role: Role, live: Live, manifest: Manifest) -> dict[str, str]:
    """What the role asks and this host cannot do, with the reason."""
    found = without_effect(machine, role, live.units)
    for key, value in role.sysctl.items():
        if live.sysctl.get(key) != kernel.normal(value):
            refused = manifest.unsettable.get(key, "") if manifest.sysctl.get(key) == value else ""
            reason = kernel.obstacle(machine, key) or refused
            if reason:
                found[key] = reason
    return found


def observed(role: Role, live: Live, cannot: Mapping[str, str]) -> dict[str, object]:
    """The declared keys with their live values, in the wire form; what is missing is left out.

    What cannot be set on this host counts as it is declared: it is told apart, and is no drift.
    """
    persisted = all(
        path in live.files and live.files[path][0] == file.content.encode()
        for path, file in kernel.persisted(role).items()
    )
    return {
        "packages": {
            name: live.packages[name].version if version else ""
            for name, version in role.packages.items()
            if name in live.packages and live.packages[name].installed
        },
        "users": {
            name: as_plain(declared_form(account, wanted))
            for name, wanted in role.users.items()
            if (account := live.accounts.user(name)) is not None
        },
        "sysctl": {
            key: value if key in cannot or live.sysctl.get(key) == kernel.normal(value) else live.sysctl[key]
            for key, value in role.sysctl.items()
            if persisted and (key in cannot or key in live.sysctl)
        },
        **_observed_paths(role, live),
        "units": {
            name: {
                **dataclasses.asdict(unit),
                "enabled": state.enabled if state.can_be_enabled else unit.enabled,
                "running": unit.running if name in cannot else state.running,
            }
            for name, unit in role.units.items()
            if (state := live.units[name]).exists
        },
    }


def _observed_paths(role: Role, live: Live) -> dict[str, object]:
    return {
        "directories": {
            path: {**_owned(live, owner), "keep": role.directories[path].keep}
            for path, owner in live.directories.items()
        },
        "files": {
            path: {
                "content": live.files[path][0].decode("utf-8", "replace"),
                **_owned(live, live.files[path][1]),
                "on_change": dict(file.on_change),
            }
            for path, file in role.files.items()
            if path in live.files
        },
        "absent": [path for path in role.absent if path not in live.present],
        "artifacts": {
            path: {
                "sha256": live.artifacts[path],
                "source": artifact.source,
                "on_change": dict(artifact.on_change),
            }
            for path, artifact in role.artifacts.items()
            if path in live.artifacts
        },
    }


def failing_probes(machine: Machine, role: Role, cannot: Mapping[str, str]) -> list[str]:
    """The answers of the role's probes that are not right; short patience, because nothing was changed."""
    answers = (wait_until(machine, probe, _PATIENCE_SECONDS) for probe in role.verify if probe.unit not in cannot)
    return [f"probe {wrong}" for wrong in answers if wrong]


def _owned(live: Live, owner: Owner) -> dict[str, str]:
    return {
        "mode": f"{owner.mode:04o}",
        "owner": live.accounts.user_name(owner.uid),
        "group": live.accounts.group_name(owner.gid),
    }
