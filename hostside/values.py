"""The typed values of a role. A field that is missing on the wire means its default here."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Union


@dataclass(frozen=True)
class File:
    """A regular file; `on_change` maps a unit to reload, restart or rollout."""

    content: str
    mode: str = "0644"
    owner: str = "root"
    group: str = "root"
    on_change: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Directory:
    """A directory; with `keep` its content is data and stays at removal."""

    mode: str = "0755"
    owner: str = "root"
    group: str = "root"
    keep: bool = False


@dataclass(frozen=True)
class User:
    """A system account without password and login."""

    home: str = "/nonexistent"
    shell: str = "/usr/sbin/nologin"
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Artifact:
    """A release directory behind a symbolic link; `sha256` is its identity."""

    sha256: str
    source: str
    on_change: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])


@dataclass(frozen=True)
class HttpProbe:
    """Right when `url` answers `status` and its body holds `contains`."""

    url: str
    status: int = 200
    contains: str = ""
    deadline_seconds: float = 15
    unit: str | None = None
    kind: str = "http"


@dataclass(frozen=True)
class TcpProbe:
    """Right when somebody listens on `address`:`port`."""

    address: str
    port: int
    deadline_seconds: float = 15
    unit: str | None = None
    kind: str = "tcp"


@dataclass(frozen=True)
class CommandProbe:
    """Right when `argv` exits with 0 and prints `contains`."""

    argv: tuple[str, ...]
    contains: str = ""
    deadline_seconds: float = 15
    unit: str | None = None
    kind: str = "command"


Probe = Union[HttpProbe, TcpProbe, CommandProbe]


@dataclass(frozen=True)
class Drain:
    """How an instance leaves the balancer before it restarts: marker, notice, idle, restart, marker away, ready."""

    marker: str
    notice_seconds: float
    wait_seconds: float
    ready: Probe
    idle: Probe | None = None


@dataclass(frozen=True)
class Unit:
    """How a systemd unit should be; the effects are words for the preview."""

    enabled: bool = True
    running: bool = True
    reload_effect: str = ""
    restart_effect: str = ""
    drain: Drain | None = None


@dataclass(frozen=True)
class Check:
    """The daemon's own checker; valid when it exits with one of `accept`."""

    argv: tuple[str, ...]
    timeout_seconds: float = 20
    accept: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class Requirements:
    """What the host must be; 0, "" and () mean any."""

    systems: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()
    kernel: str = ""
    memory_bytes: int = 0
    disk_free_bytes: int = 0
    cpus: int = 0
    clock_offset_seconds: float = 0
    interfaces: tuple[str, ...] = ()


@dataclass(frozen=True)
class Role:
    """One duty of one host."""

    name: str
    requires: Requirements = Requirements()
    packages: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    users: Mapping[str, User] = dataclasses.field(default_factory=dict[str, User])
    sysctl: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    directories: Mapping[str, Directory] = dataclasses.field(default_factory=dict[str, Directory])
    files: Mapping[str, File] = dataclasses.field(default_factory=dict[str, File])
    absent: tuple[str, ...] = ()
    artifacts: Mapping[str, Artifact] = dataclasses.field(default_factory=dict[str, Artifact])
    units: Mapping[str, Unit] = dataclasses.field(default_factory=dict[str, Unit])
    validate_with: tuple[Check, ...] = ()
    verify: tuple[Probe, ...] = ()
    confirm_seconds: float = 0
    remove_with: tuple[tuple[str, ...], ...] = ()
