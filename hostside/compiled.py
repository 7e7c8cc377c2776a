"""The packed program's modules as bytecode of this host's Python, beside it: a session starts in half the time.

Python keeps no bytecode of modules in an archive. What is kept here is only for sessions of a controller, which can do
without it; what undoes changes at boot never depends on it.
"""

from __future__ import annotations

import importlib.util
import io
import marshal
import sys
import zipfile

from .machine import Machine

_HEADER = importlib.util.MAGIC_NUMBER + bytes(12)
"""No flags, no time and size of a source: there is none beside it."""


def keep(machine: Machine, packed: str) -> str:
    """Compiles the packed program at `packed` (ending in .pyz); returns where the bytecode lies. Raises OSError."""
    path = f"{packed[: -len('.pyz')]}.{sys.implementation.cache_tag}.zip"
    machine.write(path, bytecode(machine.read(packed) or b""), 0o644)
    return path


def bytecode(program: bytes) -> bytes:
    """An archive with the modules of the packed program, compiled."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(program)) as source, zipfile.ZipFile(buffer, "w") as archive:
        for name in source.namelist():
            if "/" in name:
                code = compile(source.read(name), name, "exec", dont_inherit=True)
                archive.writestr(f"{name}c", _HEADER + marshal.dumps(code))
    return buffer.getvalue()
