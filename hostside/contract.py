"""A role as it comes over the wire: typed values, and everything that is wrong with one, all at once.

The field names are those of the controller's role model.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from .values import (
    Artifact,
    Check,
    CommandProbe,
    Directory,
    Drain,
    File,
    HttpProbe,
    Probe,
    Requirements,
    Role,
    TcpProbe,
    Unit,
    User,
)
from .wire import (
    Problem,
    Problems,
    Reader,
    Unreadable,
    boolean,
    integer,
    listing,
    mapping,
    number,
    one_of,
    record,
    text,
    typed,
    variant,
)

PATH = text(
    r"/(?!(?:[\s\S]*/)?\.{1,2}(?:/|$))(?![\s\S]*//)(?![\s\S]*/$)[^\0\n]+",
    "an absolute path without '.', '..', '//' or a trailing '/'",
)
UNIT = text(
    r"[A-Za-z0-9@:_.\\-]+\.(service|timer|socket|slice|path|target|mount)", "a systemd unit such as haproxy.service"
)
ROLE_NAME = text(r"[a-z][a-z0-9-]{0,62}", "a role name: a lower-case letter, then letters, digits, '-'")
_MODE = text(r"0[0-7]{3,4}", "an octal mode such as 0644")
_ACCOUNT = text(r"[a-z_][a-z0-9_-]{0,31}", "an account name")
_SECONDS = number(1e-3, 86_400)
_WORDS = listing(text())
_ARGV = listing(text(), least=1)
_ON_CHANGE = mapping(UNIT, one_of("reload", "restart", "rollout"))
_PACKAGE = text(r"[a-z0-9][a-z0-9.+-]*(:[a-z0-9-]+)?", "an apt package name")
_KEY = text(r"[a-z0-9_]+([./][A-Za-z0-9_*.@-]+)+", "a kernel key such as net.core.somaxconn")
_SHA256 = text(r"[0-9a-f]{64}", "a sha256 in hexadecimal")
_OWNED: dict[str, Reader[object]] = {"mode": _MODE, "owner": _ACCOUNT, "group": _ACCOUNT}
_ASKED: dict[str, Reader[object]] = {"kind": text(), "deadline_seconds": _SECONDS, "unit": UNIT}
_NOT_OURS = ("/proc", "/sys", "/dev", "/var/lib/soundstage", "/usr/lib/soundstage", "/usr/local/sbin/soundstage")

_PROBE: Reader[Probe] = variant(
    "kind",
    "",
    {
        "http": record(
            HttpProbe,
            {
                **_ASKED,
                "url": text(r"https?://[^\s/?#]+\S*", "an http or https URL"),
                "status": integer(100, 599),
                "contains": text(),
            },
            nullable=("unit",),
        ),
        "tcp": record(
            TcpProbe,
            {**_ASKED, "address": text(r"\S+", "an address"), "port": integer(1, 65_535)},
            nullable=("unit",),
        ),
        "command": record(CommandProbe, {**_ASKED, "argv": _ARGV, "contains": text()}, nullable=("unit",)),
    },
)
PROBES = listing(_PROBE)

DRAIN: Reader[Drain] = record(
    Drain,
    {"marker": PATH, "notice_seconds": _SECONDS, "wait_seconds": _SECONDS, "ready": _PROBE, "idle": _PROBE},
    nullable=("idle",),
)

_UNIT_STATE = record(
    Unit,
    {"enabled": boolean, "running": boolean, "reload_effect": text(), "restart_effect": text(), "drain": DRAIN},
    nullable=("drain",),
)

_REQUIREMENTS = record(
    Requirements,
    {
        "systems": _WORDS,
        "architectures": _WORDS,
        "kernel": text(r"(\d+(\.\d+)*)?", "a version such as 5.10"),
        "memory_bytes": integer(0),
        "disk_free_bytes": integer(0),
        "cpus": integer(0),
        "clock_offset_seconds": number(0, 86_400),
        "interfaces": _WORDS,
    },
)

_CONTENT = text(want="a text that is known by now", hidden=True)
_CHECK = record(Check, {"argv": _ARGV, "timeout_seconds": _SECONDS, "accept": listing(integer(0, 255), least=1)})

_ROLE = record(
    Role,
    {
        "name": ROLE_NAME,
        "requires": _REQUIREMENTS,
        "packages": mapping(_PACKAGE, text(r"[A-Za-z0-9.+:~-]*", "a package version, or empty for any")),
        "users": mapping(_ACCOUNT, record(User, {"home": PATH, "shell": PATH, "groups": listing(_ACCOUNT)})),
        "sysctl": mapping(_KEY, text(r"[^\n]+", "one line")),
        "directories": mapping(PATH, record(Directory, {**_OWNED, "keep": boolean})),
        "files": mapping(PATH, record(File, {**_OWNED, "content": _CONTENT, "on_change": _ON_CHANGE})),
        "absent": listing(PATH),
        "artifacts": mapping(PATH, record(Artifact, {"sha256": _SHA256, "source": text(), "on_change": _ON_CHANGE})),
        "units": mapping(UNIT, _UNIT_STATE),
        "validate_with": listing(_CHECK),
        "verify": PROBES,
        "confirm_seconds": number(0, 600),
        "remove_with": listing(_ARGV),
    },
)


def problems(role: object) -> list[Problem]:
    """Everything that is wrong with `role`, field by field; empty when it can be applied."""
    found: Problems = []
    read = _ROLE(role, "", found)
    return found if read is None else [*found, *_contradictions(read)]


def role_of(value: object) -> Role:
    """The typed role. Raises Unreadable with all problems in it."""
    role = typed(_ROLE, value)
    contradictions = list(_contradictions(role))
    if contradictions:
        raise Unreadable(contradictions)
    return role


def _contradictions(role: Role) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    declared = {
        "files": role.files,
        "absent": role.absent,
        "artifacts": role.artifacts,
        "directories": role.directories,
    }
    for kind, paths in declared.items():
        for path in paths:
            if path in owners:
                yield Problem(f'{kind}["{path}"]', f"is already declared in {owners[path]}")
            owners[path] = kind
            if any(path == place or path.startswith(place + "/") for place in _NOT_OURS):
                yield Problem(f'{kind}["{path}"]', "is not a place a role may own")
    for path, kind in owners.items():
        for parent in _parents(path):
            if owners.get(parent, "directories") != "directories":
                yield Problem(f'{kind}["{path}"]', f"lies below {parent}, which is one of {owners[parent]}")
    for index, probe in enumerate(role.verify):
        if isinstance(probe, HttpProbe) and not _has_host(probe.url):
            yield Problem(f"verify[{index}].url", f"must name a host and a port; given is {probe.url!r}")


def _parents(path: str) -> Iterator[str]:
    while path.rfind("/") > 0:
        path = path[: path.rfind("/")]
        yield path


def _has_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
