"""This program itself, as a file on the host: the link people type, and the unit that runs at boot."""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Program:
    """The packed program that runs now. The bytes are kept: the file may go while it runs."""

    content: bytes

    @property
    def name(self) -> str:
        """The first 16 digits of its sha256, what the controller knows it by."""
        return hashlib.sha256(self.content).hexdigest()[:16]


def running() -> Program | None:
    """The packed program this process was started from, or None when it runs from plain modules."""
    packed = os.path.realpath(sys.argv[0])
    if not packed.endswith(".pyz"):
        return None
    with open(packed, "rb") as stream:
        return Program(stream.read())
