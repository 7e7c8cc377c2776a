"""A second process of the plugin, ready before the engine asks for it.

In every `up --refresh` the engine starts the plugin once more, only to have the provider's configuration checked, and
waits for half a second of imports. So the first process forks a spare one when its own imports are done; the second
start finds it by a note and lets it serve in its place.
"""

from __future__ import annotations

import os
import select
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PARENT_CHECK_SECONDS = 1.0
"""How long a process may outlive its engine."""

_DIAL_SECONDS = 1.0
_ANSWER_SECONDS = 10.0
"""The engine's own patience with a plugin that starts."""


def notes() -> Path:
    """The directory of this user where processes of the plugin leave notes for each other."""
    return Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi") / "soundstage"


def keep(engine: str, serve: Callable[[socket.socket], None]) -> None:
    """Forks the spare process for the engine at this address; there it runs `serve` once somebody has connected.

    Without effect in a process that has threads: a fork would leave them behind.
    """
    if threading.active_count() > 1:
        return
    listener = socket.create_server(("127.0.0.1", 0))
    ours, theirs = os.pipe()
    # The write end stays open as long as this process lives.
    if os.fork() == 0:
        os.close(theirs)
        _be_spare(listener, ours, serve)
    os.close(ours)
    with listener:
        _leave_note(engine, listener.getsockname()[1])


def stand_in(engine: str) -> bool:
    """Lets the spare process serve the engine, and returns when that is over; False when there is none.

    As long as the engine wants this process the spare one serves.
    """
    parent = os.getppid()
    try:
        note = _note(engine)
        spare = socket.create_connection(("127.0.0.1", int(note.read_text(encoding="ascii"))), _DIAL_SECONDS)
        note.unlink()
        spare.settimeout(_ANSWER_SECONDS)
        port = spare.recv(16)
    except (OSError, ValueError):
        return False
    if not port.endswith(b"\n"):
        return False
    with suppress(KeyboardInterrupt):
        sys.stdout.write(port.decode())
        sys.stdout.flush()
        while os.getppid() == parent:
            select.select([], [], [], PARENT_CHECK_SECONDS)
    return True


def _be_spare(listener: socket.socket, alive: int, serve: Callable[[socket.socket], None]) -> None:
    """Waits for the stand-in and serves in its place; never returns."""
    try:
        # The engine signals the whole group of the first process, and waits until nobody holds its output.
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nothing, standard)
        ready, _, _ = select.select([listener, alive], [], [])
        if alive not in ready:
            serve(listener.accept()[0])
    finally:
        os._exit(0)


def _leave_note(engine: str, port: int) -> None:
    note = _note(engine)
    note.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = note.with_name(f".{note.name}.{os.getpid()}")
    fresh.write_text(str(port), encoding="ascii")
    os.replace(fresh, note)


def _note(engine: str) -> Path:
    # The address is the engine's for one phase of one command; its process makes it unique over time.
    return notes() / f"spare-{os.getppid()}-{engine.replace(':', '-')}"
