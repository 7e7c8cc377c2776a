"""The change itself: new contents, links and directories in, old paths out, every name durable."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .machine import Machine, Owner


@dataclass(frozen=True)
class Changes:
    """What happens to paths: directories made or owned, files written, links pointed, names that go."""

    directories: Mapping[str, Owner]
    files: Mapping[str, tuple[bytes, Owner]]
    links: Mapping[str, str]
    gone: tuple[str, ...]

    @property
    def paths(self) -> list[str]:
        """Every path that is replaced or goes."""
        return [*self.files, *self.links, *self.gone]


def swap(machine: Machine, changes: Changes) -> None:
    """Does it. Everything new is on the disk before the first name changes. Raises OSError."""
    _make_directories(machine, changes)
    for path, (content, owner) in changes.files.items():
        machine.stage(path, content, owner)
    for path, target in changes.links.items():
        machine.stage_link(path, target)
    for path in [*changes.files, *changes.links]:
        machine.put(path)
    for path in changes.gone:
        machine.unlink(path)
    for directory in sorted(_parents_of([*changes.paths, *changes.directories])):
        if machine.is_directory(directory):
            machine.settle(directory)


def _make_directories(machine: Machine, changes: Changes) -> None:
    for path, owner in sorted(changes.directories.items()):
        if machine.lstat(path) is None:
            machine.make_directories(os.path.dirname(path))
            machine.make_directory(path, owner)
        elif machine.owner(path) != owner:
            machine.set_owner(path, owner)
    for path in [*changes.files, *changes.links]:
        machine.make_directories(os.path.dirname(path))


def missing_directories(machine: Machine, changes: Changes, more: Iterable[str] = ()) -> list[str]:
    """Every directory that is not there yet and that `swap` or an unpacked release will make, parents first."""
    found: set[str] = set()
    for path in {*changes.directories, *_parents_of([*changes.files, *changes.links]), *more}:
        place = path
        while place != "/" and not machine.is_directory(place):
            found.add(place)
            place = os.path.dirname(place)
    return sorted(found)


def _parents_of(paths: Iterable[str]) -> set[str]:
    return {os.path.dirname(path) for path in paths}
