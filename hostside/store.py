"""Where the host keeps what it must not forget: manifests, originals, what we made, and the one lock."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import Callable

from .failure import Failure
from .machine import Machine
from .manifest import Manifest, manifest_of
from .wire import Unreadable, listing, record, text, typed

STATE = "/var/lib/soundstage"
MANIFESTS = f"{STATE}/manifests"
JOURNALS = f"{STATE}/journal"
ORIGINALS = f"{STATE}/originals"
UNDONE = f"{STATE}/undone"
_CREATED = f"{STATE}/created.json"
_LOCK = f"{STATE}/lock"

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Created:
    """What is on the host because of us; written down before it is made, so that a power cut forgets nothing.

    `configured` are those of the packages whose configuration an earlier installation had left behind.
    """

    packages: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    directories: tuple[str, ...] = ()
    configured: tuple[str, ...] = ()

    def plus(
        self,
        packages: Iterable[str] = (),
        users: Iterable[str] = (),
        directories: Iterable[str] = (),
        configured: Iterable[str] = (),
    ) -> Created:
        """With these too."""
        return Created(
            tuple(sorted({*self.packages, *packages})),
            tuple(sorted({*self.users, *users})),
            tuple(sorted({*self.directories, *directories})),
            tuple(sorted({*self.configured, *configured})),
        )

    def minus(
        self, packages: Iterable[str] = (), users: Iterable[str] = (), directories: Iterable[str] = ()
    ) -> Created:
        """Without these."""
        return Created(
            tuple(sorted({*self.packages} - {*packages})),
            tuple(sorted({*self.users} - {*users})),
            tuple(sorted({*self.directories} - {*directories})),
            tuple(sorted({*self.configured} - {*packages})),
        )


def manifest_path(role: str) -> str:
    """Where the manifest of a role lies."""
    return f"{MANIFESTS}/{role}.json"


def original_path(path: str) -> str:
    """Where the original of a path that a role took over is kept."""
    return f"{ORIGINALS}{path}"


def manifests(machine: Machine) -> dict[str, Manifest]:
    """Every role on the host. Raises Failure for a manifest that cannot be read."""
    found: dict[str, Manifest] = {}
    for name in machine.names(MANIFESTS):
        if name.endswith(".json") and not name.startswith("."):
            try:
                manifest = manifest_of(machine.read(f"{MANIFESTS}/{name}") or b"")
            except Unreadable as error:
                raise Failure("manifest", f"{MANIFESTS}/{name} is not one of this program's: {error}") from error
            found[manifest.role] = manifest
    return found


def created(machine: Machine) -> Created:
    """What we made on this host so far."""
    content = machine.read(_CREATED)
    return Created() if content is None else typed(_CREATED_FORM, json.loads(content), _CREATED)


def remember(machine: Machine, now_created: Created) -> None:
    """Writes down what is ours, unless that is known already."""
    if now_created != created(machine):
        machine.write(_CREATED, json.dumps(dataclasses.asdict(now_created), indent=1).encode() + b"\n")


def write_manifest(machine: Machine, manifest: Manifest) -> None:
    """Writes a manifest, durable on return."""
    machine.make_private(MANIFESTS)
    machine.write(manifest_path(manifest.role), manifest.serialized())


def originals(machine: Machine) -> list[str]:
    """Every path whose original is kept."""
    top = machine.at(ORIGINALS)
    return sorted(f"{inner}/{name}"[len(top) :] for inner, _, names in os.walk(top) for name in names)


def forget_empty_originals(machine: Machine) -> None:
    """Removes the directories of originals that hold none any more."""
    for inner, _, _ in os.walk(machine.at(ORIGINALS), topdown=False):
        machine.remove_empty_directory(inner[len(machine.root) :])


@contextlib.contextmanager
def lock(machine: Machine, progress: Progress) -> Generator[None, None, None]:
    """Holds the host's one lock; says once that somebody else has it, and waits."""
    said = False
    while True:
        machine.make_private(STATE)
        descriptor = os.open(machine.at(_LOCK), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if not said:
                progress("waiting for another apply on this host")
                said = True
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        here = machine.lstat(_LOCK)
        # The last role that went took the file along: a lock on a nameless file is no lock.
        if here is not None and here.st_ino == os.fstat(descriptor).st_ino:
            break
        os.close(descriptor)
    try:
        yield
    finally:
        os.close(descriptor)


_CREATED_FORM = record(
    Created, {key: listing(text()) for key in ("packages", "users", "directories", "configured")}, lenient=True
)
