"""One process per engine, however often the engine starts the plugin.

In every `up --refresh` the engine starts it once more, only to have the provider's configuration checked: half a
second of imports before anything else goes on. That second process answers with the port of the first one, which the
engine closes early only when the provider's configuration has changed, and this plugin has none.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

PARENT_CHECK_SECONDS = 1.0
_DIAL_SECONDS = 1.0


def notes() -> Path:
    """The directory of this user where processes of the plugin leave notes for each other."""
    return Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi") / "soundstage"


def port_of_another(engine: str) -> int | None:
    """The port of a process that serves the engine at this address already, None when there is none."""
    with suppress(OSError, ValueError):
        port = int(_note(engine).read_text(encoding="ascii"))
        # What a killed process left behind answers nobody.
        socket.create_connection(("127.0.0.1", port), _DIAL_SECONDS).close()
        return port
    return None


@contextmanager
def announced(engine: str, port: int) -> Generator[None]:
    """Lets later processes for this engine find the port."""
    note = _note(engine)
    note.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = note.with_name(f".{note.name}.{os.getpid()}")
    fresh.write_text(str(port), encoding="ascii")
    os.replace(fresh, note)
    try:
        yield
    finally:
        with suppress(OSError):
            note.unlink()


def stand_in(port: int) -> None:
    """Is, for the engine, the process behind `port`; returns when it is told to end or the engine is gone."""
    parent = os.getppid()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    with suppress(KeyboardInterrupt):
        while os.getppid() == parent:
            select.select([], [], [], PARENT_CHECK_SECONDS)


def _note(engine: str) -> Path:
    # The address is the engine's for one phase of one command; its process makes it unique over time.
    return notes() / f"serves-{os.getppid()}-{engine.replace(':', '-')}"
