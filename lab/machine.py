"""Kernel settings of the machine that labs need, put back when the last lab goes.

Several labs share the machine: every lab registers in /run, the first one keeps the values it found, the last one
puts them back. A value somebody else changed in between is left alone.
"""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from pathlib import Path

from lab.record import write
from toolchain.cache import locked

REGISTRY = Path("/run/soundstage-lab")
SETTINGS = Path("/proc/sys")
NSPAWN = Path("/run/systemd/nspawn")
"""Mount point of what the containers keep at run time; they make it."""
WANTED = {
    "net/ipv4/ip_forward": 1,
    "fs/inotify/max_user_instances": 8192,
    "net/core/rmem_max": 16_777_216,
    "net/core/wmem_max": 16_777_216,
}
"""Smallest values: forwarding for the hosts' NAT, inotify for many systemds, socket buffers for media servers."""


def register(lab_id: str, directory: Path) -> None:
    """Raise the settings for this lab, and remember what they were before any lab."""
    with locked(REGISTRY / "lock"):
        write(REGISTRY / "labs" / lab_id, f"{directory}\n")
        found = _found()
        for key, wanted in WANTED.items():
            now = _read(key)
            if now < wanted:
                found.setdefault(key, now)
                write(REGISTRY / "found.json", json.dumps(found))
                _setting(key).write_text(str(wanted))


def unregister(lab_id: str) -> None:
    """This lab is gone: the last one puts the settings back."""
    if not REGISTRY.is_dir():
        return
    with locked(REGISTRY / "lock"):
        (REGISTRY / "labs" / lab_id).unlink(missing_ok=True)
        if _living_labs():
            return
        for key, value in _found().items():
            if _read(key) == WANTED[key]:
                _setting(key).write_text(str(value))
        shutil.rmtree(REGISTRY)
        with suppress(OSError):  # somebody else's containers use it
            NSPAWN.rmdir()


def _living_labs() -> list[Path]:
    """Labs whose directory is still there; a checkout that was deleted holds nothing any more."""
    labs = REGISTRY / "labs"
    entries = list(labs.iterdir()) if labs.is_dir() else []
    return [entry for entry in entries if Path(entry.read_text().strip(), "lab.json").is_file()]


def _found() -> dict[str, int]:
    path = REGISTRY / "found.json"
    return json.loads(path.read_text()) if path.is_file() else {}


def _setting(key: str) -> Path:
    return SETTINGS / key


def _read(key: str) -> int:
    return int(_setting(key).read_text())
