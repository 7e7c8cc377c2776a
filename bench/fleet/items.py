"""What one host of the fleet has: 40 files, 5 packages, 3 services and 2 users, in five duties."""

from __future__ import annotations

from roles.model import Action, CommandProbe, File, Role, Unit, User

PARTS = 5
FILES_PER_PART = 8
PACKAGES = ("curl", "lsof", "socat", "strace", "tcpdump")
"""One per part."""
SERVICES = 3
USERS = 2
_LINES = 40

_SERVICE = """\
[Unit]
Description=Nothing, measured

[Service]
ExecStart=/usr/bin/sleep infinity
DynamicUser=yes

[Install]
WantedBy=multi-user.target
"""


def unit(part: int) -> str:
    """The service of a part; parts from SERVICES on have none."""
    return f"bench-{part}.service"


def changing_file(part: int) -> str:
    """The file of a part whose content follows the revision."""
    return f"/etc/bench/part-{part}/file-0.conf"


def role(part: int, revision: int) -> Role:
    """One duty; the services and the users are spread over the first parts. `revision` stands in one file of part 0."""
    served = part < SERVICES
    on_change: dict[str, Action] = {unit(part): "restart"} if served else {}
    files = {
        f"/etc/bench/part-{part}/file-{number}.conf": File(
            content=_content(part, number, revision if part == number == 0 else 0), on_change=on_change
        )
        for number in range(FILES_PER_PART - served)
    }
    if served:
        files[f"/etc/systemd/system/{unit(part)}"] = File(content=_SERVICE, on_change=on_change)
    return Role(
        name=f"bench-{part}",
        packages={PACKAGES[part]: ""},
        users={f"bench{part}": User()} if part < USERS else {},
        files=files,
        units={unit(part): Unit()} if served else {},
        verify=(CommandProbe(argv=("systemctl", "is-active", "--quiet", unit(part))),) if served else (),
    )


def _content(part: int, number: int, revision: int) -> str:
    return f"# revision {revision}\n" + "".join(f"key-{part}-{number}-{line} = value\n" for line in range(_LINES))
