"""A role: everything about one duty on one host, as a value.

A role says what must be true on the host (packages, users, files, units), how to check it before anything
changes (`validate`) and how to know that it works (`verify`). It holds no Output and imports no pulumi:
what is known only later stands as a `Late` leaf and is filled in by the component that registers the role.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

_SEGMENT = r"(?:[^/.\x00-\x1f][^/\x00-\x1f]*|\.[^/.\x00-\x1f][^/\x00-\x1f]*|\.\.[^/\x00-\x1f]+)"
AbsolutePath = Annotated[str, StringConstraints(pattern=rf"^(?:/{_SEGMENT})+$")]
Mode = Annotated[str, StringConstraints(pattern=r"^0[0-7]{3,4}$")]
RoleName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
UnitName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9@:_.\\-]+\.(service|timer|socket|slice|path|target|mount)$")
]
Account = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Seconds = Annotated[float, Field(gt=0, le=86_400)]

Action = Literal["reload", "restart", "rollout"]
"""What a change does to a unit. `rollout` leaves the restart to the cluster's Rollout resource."""

OnChange = Mapping[UnitName, Action]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Late(_Value):
    """A text that is known only later (a certificate, a password); `name` is the key the component fills in."""

    late: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]


Content = str | Late | tuple[str | Late, ...]
"""Text of a file: known now, known later, or a sequence of both."""


class File(_Value):
    """A regular file. `on_change` names the units that must notice a new content."""

    content: Content
    mode: Mode = "0644"
    owner: Account = "root"
    group: Account = "root"
    on_change: OnChange = Field(default_factory=dict)


class Directory(_Value):
    """A directory. With `keep` its content is data: removal of the role leaves it where it is."""

    mode: Mode = "0755"
    owner: Account = "root"
    group: Account = "root"
    keep: bool = False


class User(_Value):
    """A system account with a group of the same name, without password and without login."""

    home: AbsolutePath = "/nonexistent"
    shell: AbsolutePath = "/usr/sbin/nologin"
    groups: tuple[Account, ...] = ()


class Artifact(_Value):
    """A release directory, reached through the symbolic link that is this artifact's key.

    `sha256` is its identity; `source` (a directory or file on the controller, relative to the project) only
    says where to take it from when the host does not have it yet, and is never a difference.
    """

    sha256: Sha256
    source: str
    on_change: OnChange = Field(default_factory=dict)


class HttpProbe(_Value):
    """Asks `url` until it answers `status` and the body holds `contains`."""

    kind: Literal["http"] = "http"
    url: str
    status: int = 200
    contains: str = ""
    deadline_seconds: Seconds = 15
    unit: UnitName | None = None


class TcpProbe(_Value):
    """Connects to `address`:`port` until somebody listens."""

    kind: Literal["tcp"] = "tcp"
    address: str
    port: Annotated[int, Field(ge=1, le=65_535)]
    deadline_seconds: Seconds = 15
    unit: UnitName | None = None


class CommandProbe(_Value):
    """Runs `argv` (no shell) until it exits with 0 and prints `contains`."""

    kind: Literal["command"] = "command"
    argv: tuple[str, ...] = Field(min_length=1)
    contains: str = ""
    deadline_seconds: Seconds = 15
    unit: UnitName | None = None


Probe = Annotated[HttpProbe | TcpProbe | CommandProbe, Field(discriminator="kind")]
"""A question to the service itself, asked until the answer is right or the deadline is over."""


class Drain(_Value):
    """How an instance is taken out of the balancer before it restarts (pull: the instance only answers "drain").

    While `marker` exists the instance's health answer says so. After `notice_seconds` every balancer has seen
    it; then the restart waits until `idle` is answered, at most `wait_seconds`.
    """

    marker: AbsolutePath
    notice_seconds: Seconds
    wait_seconds: Seconds
    idle: Probe | None = None
    ready: Probe
    """Asked after the restart, before the next instance is taken out."""


class Unit(_Value):
    """A systemd unit. The effects are what listeners notice; they are words for the preview, never a difference."""

    enabled: bool = True
    running: bool = True
    reload_effect: str = ""
    restart_effect: str = ""
    drain: Drain | None = None


class Check(_Value):
    """The daemon's own checker; it sees the staged files at their real paths. Exit code 0 means valid."""

    argv: tuple[str, ...] = Field(min_length=1)
    timeout_seconds: Seconds = 20
    accept: tuple[int, ...] = (0,)
    """Exit codes that mean valid (keepalived answers 143 for a check script it cannot run in the sandbox)."""


class Requirements(_Value):
    """What the host must be, checked before anything else; every shortfall is reported at once. 0 or () = any."""

    systems: tuple[str, ...] = ()
    """`ID:VERSION_ID` of /etc/os-release, for example `debian:12`."""
    architectures: tuple[str, ...] = ()
    kernel: str = ""
    memory_bytes: Annotated[int, Field(ge=0)] = 0
    disk_free_bytes: Annotated[int, Field(ge=0)] = 0
    cpus: Annotated[int, Field(ge=0)] = 0
    clock_offset_seconds: Annotated[float, Field(ge=0)] = 0
    interfaces: tuple[str, ...] = ()


class Role(_Value):
    """One duty of one host. Maps are keyed by what they name, so that a preview names it and order never matters."""

    name: RoleName
    requires: Requirements = Requirements()
    packages: Mapping[str, str] = Field(default_factory=dict)
    """apt package → version; an empty version means any (and may move), a given one is held."""
    users: Mapping[Account, User] = Field(default_factory=dict)
    sysctl: Mapping[str, str] = Field(default_factory=dict)
    """Kernel key → value; persisted in a file of this role in /etc/sysctl.d and set live."""
    directories: Mapping[AbsolutePath, Directory] = Field(default_factory=dict)
    files: Mapping[AbsolutePath, File] = Field(default_factory=dict)
    absent: Sequence[AbsolutePath] = ()
    """Files that must not be there (a distribution's default site); the original comes back on removal."""
    artifacts: Mapping[AbsolutePath, Artifact] = Field(default_factory=dict)
    units: Mapping[UnitName, Unit] = Field(default_factory=dict)
    validate_with: Sequence[Check] = ()
    verify: Sequence[Probe] = ()
    confirm_seconds: Annotated[float, Field(ge=0, le=600)] = 0
    """Above 0: the change is undone after this time unless the controller gets in over a new connection."""
    remove_with: Sequence[Sequence[str]] = ()
    """Commands on removal, before the files go (put back what no file holds)."""

    def late_names(self) -> frozenset[str]:
        """The names of every `Late` leaf in the files' contents."""
        return frozenset(
            leaf.late
            for file in self.files.values()
            for leaf in (file.content if isinstance(file.content, tuple) else (file.content,))
            if isinstance(leaf, Late)
        )
