"""Packs this package into one file that a host runs with its own Python: the same bytes for the same sources."""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

_EPOCH = (1980, 1, 1, 0, 0, 0)
_MAIN = """\
import sys

if sys.argv[1:] == ["serve"]:
    # hostside/compiled.py; Python passes over it where it is missing.
    sys.path.insert(0, f"{sys.argv[0][:-4]}.{sys.implementation.cache_tag}.zip")

from hostside.apply import main

sys.exit(main(sys.argv))
"""


@dataclass(frozen=True)
class Bundle:
    """The program for the hosts: its bytes and their sha256 in hexadecimal."""

    content: bytes
    sha256: str

    @property
    def name(self) -> str:
        """What the program is called on a host, and says in its hello: the first 16 digits of the sha256."""
        return self.sha256[:16]

    @property
    def path(self) -> str:
        """Where the program lies on a host."""
        return f"/usr/lib/soundstage/{self.name}.pyz"


def build() -> Bundle:
    """Packs the package as it is on disk. Nothing of the machine or the moment gets in (order, times, modes)."""
    buffer = io.BytesIO()
    # Stored, not deflated: another zlib would make other bytes of the same sources.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        _add(archive, "__main__.py", _MAIN.encode())
        for module in sorted(Path(__file__).parent.glob("*.py")):
            if module.name != Path(__file__).name:
                _add(archive, f"hostside/{module.name}", module.read_bytes())
    content = b"#!/usr/bin/python3 -I\n" + buffer.getvalue()
    return Bundle(content, hashlib.sha256(content).hexdigest())


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.create_system = 3
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content)
