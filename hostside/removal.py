"""Removing a role: the host is as it was before the role came, its data excepted."""

from __future__ import annotations

import dataclasses
import os

from . import kernel, leftovers, recovery, releases, store, units
from .failure import Failure
from .machine import Machine, staged_name
from .manifest import Manifest
from .packages import Packages
from .plan import defines_units
from .program import uninstall_if_unused
from .store import Progress

_REMOVE_WITH_SECONDS = 60


def remove(machine: Machine, dpkg: Packages, role: str, progress: Progress) -> dict[str, object]:
    """Takes a role away; an interrupted removal is taken up where it is. Raises Failure."""
    try:
        with store.lock(machine, progress):
            notes = recovery.finish(machine, dpkg, progress, also_armed=[role])
            manifest = store.manifests(machine).get(role)
            if manifest is not None:
                _remove(machine, dpkg, manifest, progress)
            uninstall_if_unused(machine)
            return {"removed": manifest is not None, "notes": notes}
    except OSError as error:
        raise Failure("remove", f"{error.strerror or error}: {error.filename}") from error


def _remove(machine: Machine, dpkg: Packages, manifest: Manifest, progress: Progress) -> None:
    ending = [name for name, was in manifest.units_before.items() if not was.running]
    progress(f"stopping {', '.join(ending)}" if ending else "putting files back")
    leftovers.release_units(machine, manifest.units_before)
    for argv in manifest.remove_with:
        said = machine.run(argv, _REMOVE_WITH_SECONDS)
        if said.status != 0:
            raise Failure("remove", f"{' '.join(argv)}: exit status {said.status}: {said.text}")
    _files_away(machine, manifest)
    for key, value in manifest.sysctl_before.items():
        if kernel.live(machine, {key: value}).get(key) != value:
            kernel.set_live(machine, key, value)
    if defines_units(manifest.paths()):
        units.reload_definitions(machine)
    leftovers.revive_units(machine, manifest.units_before)
    _notice(machine, manifest)
    # From here on the paths are no longer ours: whoever takes this up again must not touch them.
    without_paths = dataclasses.replace(manifest, files={}, absent=(), artifacts={}, stamps={}, remove_with=())
    store.write_manifest(machine, without_paths)
    others = [each for each in store.manifests(machine).values() if each.role != manifest.role]
    kept = [path for path, keep in manifest.directories.items() if keep]
    store.remember(machine, store.created(machine).minus(directories=kept))
    leftovers.let_go(machine, dpkg, manifest, others, progress)
    machine.unlink(f"{store.UNDONE}/{manifest.role}")
    # Last of all, so that whatever was cut off before is found and done again.
    machine.unlink(store.manifest_path(manifest.role))
    machine.settle(store.MANIFESTS)


def _files_away(machine: Machine, manifest: Manifest) -> None:
    for path in manifest.paths():
        if machine.lstat(store.original_path(path)) is not None:
            machine.make_directories(os.path.dirname(path))
            machine.copy(store.original_path(path), staged_name(path))
            machine.put(path)
        elif path not in manifest.absent:
            machine.unlink(path)
    for directory in sorted({os.path.dirname(path) for path in manifest.paths()}):
        if machine.is_directory(directory):
            machine.settle(directory)
    for path in manifest.artifacts:
        releases.forget(machine, path, ())


def _notice(machine: Machine, manifest: Manifest) -> None:
    """Units that stay and read what is gone now (the firewall, the SSH server) must notice it."""
    asked: dict[str, str] = {}
    for on_change in manifest.paths().values():
        for name, action in on_change.items():
            if action != "rollout":
                asked[name] = "restart" if "restart" in (action, asked.get(name)) else action
    for name, state in units.states(machine, asked).items():
        if state.running:
            units.command(machine, asked[name], [name])
