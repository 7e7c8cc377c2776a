"""Settings: what a stack is, read from its configuration and refused as a whole when anything is wrong.

`load()` is for the program, `read()` for everybody who has the values at hand (tests, the graph picture).
"""

from __future__ import annotations

from settings.model import Settings
from settings.source import load, read

__all__ = ["Settings", "load", "read"]
