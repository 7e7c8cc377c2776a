"""Whom a process of the plugin answers to: the engine that started it, or the start whose place it takes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from typing import Protocol

from provider.spare import PARENT_CHECK_SECONDS


class Front(Protocol):
    """Told the port of the server, and knows when it is not needed any more."""

    def say(self, port: int) -> None:
        """Hands the port over."""
        ...

    async def end(self) -> None:
        """Returns when the server is not needed any more."""
        ...


class Started:
    """The engine started this process: it reads the port from standard output, and ends the process by SIGINT."""

    def __init__(self) -> None:
        self._engine, self._told = os.getppid(), asyncio.Event()
        # Ctrl-C does not get here: the engine gives its plugins a process group of their own.
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._told.set)

    def say(self, port: int) -> None:
        """Prints it."""
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()

    async def end(self) -> None:
        """Returns after a signal, or when the engine is gone."""
        while os.getppid() == self._engine and not self._told.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), PARENT_CHECK_SECONDS)


class Adopted:
    """Another process is the one the engine started; it passes the port on, and its end closes the connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def say(self, port: int) -> None:
        """Sends it."""
        self._connection.sendall(f"{port}\n".encode())

    async def end(self) -> None:
        """Returns when the other process has ended."""
        self._connection.setblocking(False)
        with contextlib.suppress(OSError):
            await asyncio.get_running_loop().sock_recv(self._connection, 1)
