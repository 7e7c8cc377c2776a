"""A host as some providers hand it over: no deploy user, no key; somebody with a password, whose sudo asks for it."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path

from lab.record import write
from lab.shell import output

USER, _UID = "admin", 1001
_FOREIGN = ("home/deploy", "etc/sudoers.d/deploy")
"""What the base image has for the deploy user."""


def make(disk: Path, base: Path) -> None:
    """Write the accounts on a fresh disk over the file system `base`, and the password beside it."""
    password = secrets.token_urlsafe(12)
    write(disk / "password", f"{password}\n", 0o600)
    hashed = output(["chroot", str(base), "openssl", "passwd", "-6", "-stdin"], stdin=f"{password}\n").strip()
    upper = disk / "upper"
    for name, line, change in _account_files(hashed):
        original = base / "etc" / name
        kept = [change(each) for each in original.read_text().splitlines() if not each.startswith("deploy:")]
        found = original.stat()
        write(upper / "etc" / name, "\n".join([*kept, line, ""]), stat.S_IMODE(found.st_mode))
        os.chown(upper / "etc" / name, found.st_uid, found.st_gid)
    for path in _FOREIGN:
        (upper / path).parent.mkdir(parents=True, exist_ok=True)
        # What the overlay takes for "there is no such name".
        os.mknod(upper / path, stat.S_IFCHR, os.makedev(0, 0))
    home = upper / "home" / USER
    home.mkdir(mode=0o700)
    os.chown(home, _UID, _UID)


def _account_files(hashed: str) -> list[tuple[str, str, Callable[[str], str]]]:
    """File in /etc, the line that is added, what happens to the others."""
    return [
        ("passwd", f"{USER}:x:{_UID}:{_UID}::/home/{USER}:/bin/bash", str),
        ("shadow", f"{USER}:{hashed}:19700:0:99999:7:::", str),
        ("group", f"{USER}:x:{_UID}:", _in_sudo),
        ("gshadow", f"{USER}:!::", _in_sudo),
    ]


def _in_sudo(line: str) -> str:
    return f"{line}{USER}" if line.startswith("sudo:") else line
