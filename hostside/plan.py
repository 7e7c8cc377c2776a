"""The difference between what a role declares and what is there: the steps that are left to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from . import kernel
from .accounts import declared_form
from .machine import Owner
from .manifest import Manifest
from .observe import Live
from .units import ABSENT, UnitState
from .values import Artifact, Directory, File, Role, User

_UNIT_PLACES = ("/etc/systemd/system/", "/usr/lib/systemd/system/", "/lib/systemd/system/", "/run/systemd/system/")


@dataclass(frozen=True)
class UnitSteps:
    """What is left to do to units apart from noticing new files."""

    unmask: tuple[str, ...] = ()
    enable: tuple[str, ...] = ()
    disable: tuple[str, ...] = ()
    start: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()

    def names(self) -> list[str]:
        """Every unit concerned, once."""
        return sorted({*self.unmask, *self.enable, *self.disable, *self.start, *self.stop})


@dataclass(frozen=True)
class Plan:
    """What is left to do. Nothing in it means the host is as declared."""

    packages: Mapping[str, str]
    hold: tuple[str, ...]
    users: tuple[str, ...]
    directories: tuple[str, ...]
    files: Mapping[str, File]
    gone: tuple[str, ...]
    links: Mapping[str, Artifact]
    sysctl: tuple[str, ...]
    units: UnitSteps
    stale: tuple[str, ...]

    @property
    def changed(self) -> list[str]:
        """The steps in words, in the order they are done."""
        return [
            *(f"package {name}" for name in self.packages),
            *(f"hold {name}" for name in self.hold),
            *(f"user {name}" for name in self.users),
            *(f"directory {path}" for path in self.directories),
            *(f"file {path}" for path in self.files),
            *(f"absent {path}" for path in self.gone),
            *(f"artifact {path}" for path in self.links),
            *(f"sysctl {key}" for key in self.sysctl),
            *(f"unit {name}" for name in self.units.names()),
            *self.stale,
        ]

    @property
    def paths(self) -> list[str]:
        """The paths that get another content or go."""
        return [*self.files, *self.gone, *self.links]


def difference(role: Role, live: Live, manifest: Manifest, cannot: Mapping[str, str]) -> Plan:
    """What is left to do. An account that is not there yet makes what it owns differ."""
    wanted = {**role.files, **kernel.persisted(role)}
    ours = {*wanted, *role.absent, *role.artifacts}
    stale_paths = tuple(path for path in manifest.paths() if path not in ours)
    return Plan(
        packages={name: version for name, version in role.packages.items() if not _has(live, name, version)},
        hold=tuple(name for name, version in role.packages.items() if version and not _is_held(live, name)),
        users=tuple(name for name, user in role.users.items() if not _is_user(live, name, user)),
        directories=tuple(
            sorted(path for path, each in role.directories.items() if live.directories.get(path) != _owner(live, each))
        ),
        files={
            path: file
            for path, file in wanted.items()
            if live.files.get(path) != (file.content.encode(), _owner(live, file))
        },
        gone=(*sorted(live.present), *stale_paths),
        links={
            path: artifact for path, artifact in role.artifacts.items() if live.artifacts.get(path) != artifact.sha256
        },
        sysctl=tuple(
            key
            for key, value in role.sysctl.items()
            if key not in cannot and live.sysctl.get(key) != kernel.normal(value)
        ),
        units=unit_steps(role, live.units, cannot),
        stale=_stale(role, manifest),
    )


def unit_steps(role: Role, states: Mapping[str, UnitState], cannot: Mapping[str, str]) -> UnitSteps:
    """Which units are not enabled or running as declared."""
    state = {name: states.get(name, ABSENT) for name in role.units}
    enabling = [
        name
        for name, unit in role.units.items()
        if unit.enabled and not state[name].enabled and state[name].can_be_enabled
    ]
    starting = [
        name for name, unit in role.units.items() if unit.running and not state[name].running and name not in cannot
    ]
    return UnitSteps(
        unmask=tuple(name for name in {*enabling, *starting} if state[name].file.startswith("masked")),
        enable=tuple(enabling),
        disable=tuple(name for name, unit in role.units.items() if not unit.enabled and state[name].enabled),
        start=tuple(starting),
        stop=tuple(name for name, unit in role.units.items() if not unit.running and state[name].running),
    )


def actions(
    role: Role, manifest: Manifest, changed: Iterable[str], states: Mapping[str, UnitState], *, upgraded: bool
) -> dict[str, str]:
    """Which running units must notice what changed, and how; a restart wins over a reload.

    With `upgraded`, the running daemons of the role are still the old program: they restart, unless the
    cluster's rollout restarts them.
    """
    concerned = {path: file.on_change for path, file in role.files.items()}
    concerned.update({path: artifact.on_change for path, artifact in role.artifacts.items()})
    asked = [item for path in changed for item in concerned.get(path, manifest.paths().get(path, {})).items()]
    if upgraded:
        left_to_rollout = {name for each in concerned.values() for name, action in each.items() if action == "rollout"}
        asked += [(name, "restart") for name in role.units if name not in left_to_rollout]
    found: dict[str, str] = {}
    for name, action in asked:
        declared = role.units.get(name)
        state = states.get(name, ABSENT)
        if action != "rollout" and state.running and (declared is None or declared.running):
            found[name] = "restart" if "restart" in (action, found.get(name)) else "reload"
    return found


def defines_units(paths: Iterable[str]) -> bool:
    """Whether one of the paths is a unit file or a drop-in, so that systemd must read them again."""
    return any(path.startswith(_UNIT_PLACES) for path in paths)


def _has(live: Live, name: str, version: str) -> bool:
    found = live.packages.get(name)
    return found is not None and found.installed and version in ("", found.version)


def _is_held(live: Live, name: str) -> bool:
    found = live.packages.get(name)
    return found is not None and found.held


def _is_user(live: Live, name: str, wanted: User) -> bool:
    found = live.accounts.user(name)
    return found is not None and declared_form(found, wanted) == wanted


def _owner(live: Live, declared: File | Directory) -> Owner | None:
    return live.accounts.find_owner(declared)


def _stale(role: Role, manifest: Manifest) -> tuple[str, ...]:
    return (
        *(f"package {name} no longer" for name in manifest.packages if name not in role.packages),
        *(f"unheld {name}" for name in manifest.held if not role.packages.get(name)),
        *(f"user {name} no longer" for name in manifest.users if name not in role.users),
        *(f"directory {path} no longer" for path in manifest.directories if path not in role.directories),
        *(f"unit {name} no longer" for name in manifest.units if name not in role.units),
        *(f"sysctl {key} no longer" for key in manifest.sysctl if key not in role.sysctl),
    )
