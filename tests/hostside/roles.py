"""Roles as they come over the wire, and what is left of one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from tests.hostside.world import World

SECRET = "tango-whiskey-9"

Wire = Mapping[str, object]


def demo(
    config: str = "first\n", *, on_change: str = "reload", files: Mapping[str, Wire] | None = None, **more: object
) -> dict[str, object]:
    """A daemon from a package with a configuration, a secret, a user, data, a kernel key and a unit of its own.

    `on_change` is what a new configuration does to the daemon; `files` come on top, `more` replaces fields.
    """
    return {
        "name": "demo",
        "packages": {"demo": ""},
        "users": {"demo": {"home": "/var/lib/demo"}},
        "sysctl": {"net.core.somaxconn": "65535"},
        "directories": {"/var/lib/demo": {"owner": "demo", "group": "demo", "mode": "0750", "keep": True}},
        "files": {
            "/etc/demo/demo.conf": {"content": config, "on_change": {"demo.service": on_change}},
            "/etc/demo/secret/token": {"content": f"password = {SECRET}\n", "mode": "0600", "owner": "demo"},
            "/etc/systemd/system/demo@.service": {
                "content": "[Service]\n",
                "on_change": {"demo@1.service": "restart", "demo@2.service": "restart"},
            },
            **(files or {}),
        },
        "absent": ["/etc/demo/default.conf"],
        "units": {"demo.service": {}, "demo@1.service": {}, "demo@2.service": {}},
        "validate_with": [{"argv": ["demo-check"]}],
        "verify": [
            {
                "kind": "command",
                "argv": ["demo-probe", "demo.service"],
                "contains": config.strip(),
                "deadline_seconds": 2,
                "unit": "demo.service",
            }
        ],
        **more,
    }


def files_only(name: str = "plain", **files: str) -> dict[str, object]:
    """A role of files in /etc/plain, nothing else."""
    return {"name": name, "files": {f"/etc/plain/{file}": {"content": content} for file, content in files.items()}}


def leave_data_to_somebody_else(world: World) -> Path:
    """What is kept of the removed role `demo` carries numbers that by now are another account's; the directory."""
    folder = world.path("/var/lib/demo")
    (folder / "inner").mkdir()
    (folder / "inner" / "precious").write_text("data")
    for path in (folder, *folder.rglob("*")):
        os.chown(path, 977, 976)
    passwd = world.path("/etc/passwd")
    passwd.write_text(passwd.read_text() + "newcomer:x:977:976::/:/bin/false\n")
    return folder
