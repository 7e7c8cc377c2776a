"""The channel to the program on a host: JSON lines over one SSH session, many requests at a time."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

import asyncssh

from provider.errors import ConnectionLost, OperationFailed, PluginError
from provider.values import Plain, as_map, as_text

Progress = Callable[[str], Awaitable[None]]
"""Called with each step of a running request."""

_PLACE = "/usr/lib/soundstage"
_CHUNK_BYTES = 65_536
_STDERR_BYTES = 4_096


@dataclass(frozen=True)
class Program:
    """The program for the hosts, one file; its name is its content's hash."""

    content: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the content, in hexadecimal."""
        return sha256(self.content).hexdigest()

    @property
    def path(self) -> str:
        """Where it lies on a host."""
        return f"{_PLACE}/{self.digest[:16]}.pyz"

    @property
    def serve(self) -> str:
        """The command that starts it."""
        return f"sudo -n python3 -I {self.path} serve"

    @property
    def install(self) -> str:
        """The command that puts it there from its standard input, whole or not at all."""
        return (
            "sudo -n sh -c '"
            f'set -e; umask 022; mkdir -p {_PLACE}; file=$(mktemp {_PLACE}/.incoming.XXXXXX); trap "rm -f $file" EXIT;'
            f' cat > "$file"; printf "%s  %s\\n" {self.digest} "$file" | sha256sum -c --status;'
            f' chmod 0755 "$file"; mv "$file" {self.path}; python3 -I {self.path} compile'
            "'"
        )


@dataclass
class _Pending:
    answer: asyncio.Future[dict[str, Plain]]
    progress: Progress
    steps: list[asyncio.Future[None]] = field(default_factory=list[asyncio.Future[None]])


class Session:
    """The running program on one host; `host` is only for messages."""

    def __init__(
        self, host: str, connection: asyncssh.SSHClientConnection, process: asyncssh.SSHClientProcess[bytes]
    ) -> None:
        self._host = host
        self._connection = connection
        self._process = process
        self._numbers = itertools.count(1)
        self._pending: dict[int, _Pending] = {}
        self._lost = False
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, host: str, connection: asyncssh.SSHClientConnection, program: Program) -> Session:
        """Starts the program, and installs it first where it is not there yet. Raises PluginError."""
        session, refusal = await cls._start(host, connection, program)
        if session is None and program.path in refusal:
            await _install(host, connection, program)
            session, refusal = await cls._start(host, connection, program)
        if session is None:
            raise PluginError(f"{host}: {_advice(refusal)}")
        return session

    @classmethod
    async def _start(
        cls, host: str, connection: asyncssh.SSHClientConnection, program: Program
    ) -> tuple[Session | None, str]:
        try:
            process = await connection.create_process(program.serve, encoding=None)
            hello = await process.stdout.readline()
            if b'"hello"' in hello:
                return cls(host, connection, process), ""
            refusal = (await process.stderr.read(_STDERR_BYTES)) or hello
        except (asyncssh.Error, OSError) as error:
            raise ConnectionLost(f"{host}: the connection ended while its program was started: {error}") from None
        process.close()
        return None, refusal.decode("utf-8", "replace").strip()

    @property
    def connection(self) -> asyncssh.SSHClientConnection:
        """The connection this session runs over."""
        return self._connection

    @property
    def lost(self) -> bool:
        """True when nothing can be asked here any more."""
        return self._lost

    async def ask(self, request: Mapping[str, Plain], progress: Progress) -> dict[str, Plain]:
        """The result of one request.

        Raises OperationFailed when the host answers with an error, ConnectionLost when the channel ends first.
        """
        if self._lost:
            raise ConnectionLost(f"{self._host}: the connection was lost")
        if "now" in request:
            # The time at the moment of asking: until there was a channel to ask over, some of it went by.
            request = {**request, "now": time.time()}
        number = next(self._numbers)
        pending = self._pending[number] = _Pending(asyncio.get_running_loop().create_future(), progress)
        try:
            self._process.stdin.write(json.dumps({"id": number, **request}).encode() + b"\n")
            await self._process.stdin.drain()
            answer = await pending.answer
            await asyncio.gather(*pending.steps)
        except (asyncssh.Error, OSError) as error:
            raise ConnectionLost(f"{self._host}: the connection was lost: {error}") from None
        else:
            return answer
        finally:
            del self._pending[number]

    async def close(self) -> None:
        """Ends the channel; transactions that run on the host go on."""
        self._reader.cancel()
        self._end("closed")
        self._process.close()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reader

    async def _read(self) -> None:
        waiting = b""
        try:
            # Own line splitting: a role with large files is one line, longer than a stream reader accepts.
            while chunk := await self._process.stdout.read(_CHUNK_BYTES):
                *lines, waiting = (waiting + chunk).split(b"\n")
                for line in lines:
                    self._take(line)
            reason = "its program ended"
        except (asyncssh.Error, OSError, ValueError) as error:
            reason = str(error) or type(error).__name__
        self._end(reason)

    def _take(self, line: bytes) -> None:
        message = as_map(json.loads(line))
        pending = self._pending.get(int(str(message.get("id", 0))))
        if pending is None or pending.answer.done():
            return
        if "progress" in message:
            pending.steps.append(asyncio.ensure_future(pending.progress(as_text(message["progress"]))))
        elif "error" in message:
            pending.answer.set_exception(OperationFailed(_failure(as_map(message["error"]))))
        else:
            pending.answer.set_result(as_map(message.get("result")))

    def _end(self, reason: str) -> None:
        self._lost = True
        for pending in self._pending.values():
            if not pending.answer.done():
                pending.answer.set_exception(ConnectionLost(f"{self._host}: the connection was lost ({reason})"))


async def _install(host: str, connection: asyncssh.SSHClientConnection, program: Program) -> None:
    try:
        result = await connection.run(program.install, input=program.content, encoding=None)
    except (asyncssh.Error, OSError) as error:
        raise ConnectionLost(f"{host}: the connection ended while its program was installed: {error}") from None
    if result.exit_status != 0:
        said = result.stderr if isinstance(result.stderr, bytes) else b""
        raise PluginError(
            f"{host}: its program could not be installed: {_advice(said.decode('utf-8', 'replace').strip())}"
        )


def _advice(refusal: str) -> str:
    """What the host said, and what to do where that is known."""
    if "sudo: a password is required" in refusal or "not in the sudoers" in refusal:
        return f"the user may not use sudo without a password ({refusal}); allow it in /etc/sudoers.d"
    if "command not found" in refusal or "sudo: python3" in refusal:
        return f"sudo and python3 must be installed there ({refusal})"
    return refusal or "the program on the host ended without a word"


def _failure(error: Mapping[str, Plain]) -> str:
    journal = as_text(error.get("journal")).strip()
    text = f"{as_text(error.get('step'))}: {as_text(error.get('message'))}"
    return f"{text}\n{journal}" if journal else text
