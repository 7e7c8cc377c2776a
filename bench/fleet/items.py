"""What one host of the fleet has, in parts of ten items: five parts are 40 files, 5 packages, 3 services and 2 users.

Every tool that is measured makes exactly this; the texts of files are here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from roles.model import Action, CommandProbe, File, Role, Unit, User

PARTS = 5
ITEMS_PER_PART = 10
PACKAGES = ("curl", "lsof", "socat", "strace", "tcpdump")
"""From the lab's archive; one per part, again from the first one on for more parts."""
BASE_PACKAGES = ("iproute2", "procps", "iputils-ping", "ca-certificates", "sudo")
"""Those every host of the lab has from its beginning."""
SHELL, HOME = "/usr/sbin/nologin", "/nonexistent"
"""Of the system accounts."""
CHANGING = "/etc/bench/part-0/file-0.conf"
"""The file whose first line holds the revision."""
_FILES, _SERVED, _WITH_USER = 8, 3, 2
_LINES = 40

SERVICE = """\
[Unit]
Description=Nothing, measured

[Service]
ExecStart=/usr/bin/sleep infinity
DynamicUser=yes

[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True)
class Part:
    """Some items that belong together; the service notices when one of the files changes."""

    number: int
    files: Mapping[str, str]
    package: str
    service: str | None
    user: str | None


def part(number: int, revision: int, packages: tuple[str, ...] = PACKAGES) -> Part:
    """The part with this number, from 0 on; `revision` stands in one file of part 0."""
    kind = number % PARTS
    service = f"bench-{number}.service" if kind < _SERVED else None
    files = {
        f"/etc/bench/part-{number}/file-{file}.conf": _content(number, file, revision if number == file == 0 else 0)
        for file in range(_FILES - (service is not None))
    }
    if service is not None:
        files[f"/etc/systemd/system/{service}"] = SERVICE
    return Part(number, files, packages[kind], service, f"bench{number}" if kind < _WITH_USER else None)


def role(of: Part) -> Role:
    """The part as a duty of a host."""
    on_change: dict[str, Action] = {of.service: "restart"} if of.service else {}
    return Role(
        name=f"bench-{of.number}",
        packages={of.package: ""},
        users={of.user: User()} if of.user else {},
        files={path: File(content=content, on_change=on_change) for path, content in of.files.items()},
        units={of.service: Unit()} if of.service else {},
        verify=(CommandProbe(argv=("systemctl", "is-active", "--quiet", of.service)),) if of.service else (),
    )


def first_line(revision: int) -> str:
    """The line of the changing file that says the revision."""
    return f"# revision {revision}\n"


def _content(number: int, file: int, revision: int) -> str:
    return first_line(revision) + "".join(f"key-{number}-{file}-{line} = value\n" for line in range(_LINES))
