"""What the host remembers of a role: paths, units, probes and what was there before; never a content."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from .contract import PROBES
from .values import Probe
from .wire import Reader, Unreadable, boolean, integer, listing, mapping, number, record, text, typed

VERSION = 1

Words = Mapping[str, str]


@dataclass(frozen=True)
class Release:
    """An artifact in use: its identity, the live digest and stamp it had when it was unpacked, whom it concerns."""

    sha256: str
    digest: str
    stamp: str
    on_change: Words = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class UnitBefore:
    """How a unit was before a role took it over; one that came with the role was neither enabled nor running."""

    enabled: bool
    running: bool
    masked: bool = False


@dataclass(frozen=True)
class OwnerBefore:
    """Mode, owner and group a directory had."""

    mode: int
    uid: int
    gid: int


@dataclass(frozen=True)
class UserBefore:
    """What an account was like before a role changed it."""

    home: str
    shell: str
    groups: tuple[str, ...]


@dataclass(frozen=True)
class Manifest:
    """One applied role. `applied` is in seconds since 1970; `stamps` are inode fingerprints of its files."""

    role: str
    applied: float
    host: str = ""
    program: str = ""
    version: int = VERSION
    files: Mapping[str, Words] = field(default_factory=dict[str, Words])
    stamps: Words = field(default_factory=dict[str, str])
    absent: tuple[str, ...] = ()
    directories: Mapping[str, bool] = field(default_factory=dict[str, bool])
    artifacts: Mapping[str, Release] = field(default_factory=dict[str, Release])
    packages: Words = field(default_factory=dict[str, str])
    held: tuple[str, ...] = ()
    held_before: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    sysctl: Words = field(default_factory=dict[str, str])
    unsettable: Words = field(default_factory=dict[str, str])
    verify: tuple[Probe, ...] = ()
    remove_with: tuple[tuple[str, ...], ...] = ()
    units_before: Mapping[str, UnitBefore] = field(default_factory=dict[str, UnitBefore])
    users_before: Mapping[str, UserBefore] = field(default_factory=dict[str, UserBefore])
    directories_before: Mapping[str, OwnerBefore] = field(default_factory=dict[str, OwnerBefore])
    sysctl_before: Words = field(default_factory=dict[str, str])

    def paths(self) -> dict[str, Words]:
        """Every path that is this role's own, with the units its change concerns."""
        nobody: Words = {}
        links = {path: release.on_change for path, release in self.artifacts.items()}
        return {**self.files, **dict.fromkeys(self.absent, nobody), **links}

    def serialized(self) -> bytes:
        """The manifest as JSON."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True, indent=1).encode() + b"\n"


NOTHING = Manifest(role="", applied=0)


def manifest_of(content: bytes) -> Manifest:
    """Reads a manifest. Raises Unreadable, also for one that a newer program wrote."""
    try:
        value: object = json.loads(content)
    except ValueError as error:
        raise Unreadable([]) from error
    return typed(_MANIFEST, value, "manifest")


_ANY = text()
_WORDS = mapping(_ANY, _ANY)
_NAMES = listing(_ANY)
UNIT_BEFORE = record(UnitBefore, {"enabled": boolean, "running": boolean, "masked": boolean}, lenient=True)
_USER_BEFORE = record(UserBefore, {"home": _ANY, "shell": _ANY, "groups": _NAMES})
OWNER_BEFORE = record(OwnerBefore, {"mode": integer(0), "uid": integer(0), "gid": integer(0)})
_RELEASE = record(Release, {"sha256": _ANY, "digest": _ANY, "stamp": _ANY, "on_change": _WORDS})
_MANIFEST: Reader[Manifest] = record(
    Manifest,
    {
        "role": _ANY,
        "applied": number(0, 2**53),
        "host": _ANY,
        "program": _ANY,
        "version": integer(1, VERSION),
        "files": mapping(_ANY, _WORDS),
        "stamps": _WORDS,
        "absent": _NAMES,
        "directories": mapping(_ANY, boolean),
        "artifacts": mapping(_ANY, _RELEASE),
        "packages": _WORDS,
        "held": _NAMES,
        "held_before": _NAMES,
        "users": _NAMES,
        "units": _NAMES,
        "sysctl": _WORDS,
        "unsettable": _WORDS,
        "verify": PROBES,
        "remove_with": listing(_NAMES),
        "units_before": mapping(_ANY, UNIT_BEFORE),
        "users_before": mapping(_ANY, _USER_BEFORE),
        "directories_before": mapping(_ANY, OWNER_BEFORE),
        "sysctl_before": _WORDS,
    },
    lenient=True,
)
