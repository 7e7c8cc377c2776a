"""Asks hosts: one connection each, a few requests at a time, nothing new once the run is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import asyncssh

from provider.errors import ConnectionLost, Interrupted, PluginError, Unreachable
from provider.session import Program, Progress, Session
from provider.ssh import Pool, Target
from provider.values import Plain

REQUESTS_PER_HOST = 4
"""At once; each is a process there. Changes wait for each other on the host anyway."""

CANCEL_GRACE_SECONDS = 5
"""How long a cancelled run waits for requests whose answer may be near."""

READS = frozenset({"observe", "missing", "facts"})

T = TypeVar("T")


@dataclass
class _Host:
    opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(REQUESTS_PER_HOST))
    session: Session | None = None


class Hosts:
    """Every host of the run. All methods raise Unreachable, ConnectionLost, OperationFailed or Interrupted."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._pool = Pool()
        self._hosts: dict[object, _Host] = {}
        self._cancelled = asyncio.Event()

    async def ask(self, target: Target, request: Mapping[str, Plain], progress: Progress) -> dict[str, Plain]:
        """The result of one request within the operation deadline; a read is asked again when the connection broke."""
        host = self._hosts.setdefault(target.endpoint, _Host())
        async with host.places:
            try:
                return await self._once(host, target, request, progress)
            except ConnectionLost:
                if request["op"] not in READS:
                    raise
                return await self._once(host, target, request, progress)

    async def ask_anew(self, target: Target, request: Mapping[str, Plain], progress: Progress) -> dict[str, Plain]:
        """The result of one request over a connection made for it: the proof that a new one still gets in."""
        self._refuse_when_cancelled(target)
        connection = await self._unless_cancelled(self._pool.fresh(target), target)
        try:
            session = await Session.open(target.host, connection, self._program)
            return await self._within(target, session.ask(request, progress), str(request["op"]))
        finally:
            connection.abort()

    async def upload(self, target: Target, content: bytes, name: str) -> str:
        """Puts a file into the user's home on the host and answers its path there."""
        connection = await self._pool.connection(target)
        try:
            async with connection.start_sftp_client() as sftp:
                path = f"{await sftp.realpath('.')}/{name}"
                async with sftp.open(path, "wb", asyncssh.SFTPAttrs(permissions=0o600)) as file:
                    await file.write(content)
        except (asyncssh.Error, OSError) as error:
            raise PluginError(f"{target.host}: {name} could not be uploaded: {error}") from None
        return path

    async def discard(self, target: Target, path: str) -> None:
        """Removes an uploaded file where it still is; a lost connection leaves it to the next upload of that name."""
        try:
            connection = await self._pool.connection(target)
            async with connection.start_sftp_client() as sftp:
                if await sftp.exists(path):
                    await sftp.remove(path)
        except (asyncssh.Error, OSError, Unreachable):
            return

    async def cancel(self) -> None:
        """Starts nothing any more; what runs on the hosts finishes or rolls back there by itself."""
        self._cancelled.set()

    async def close(self) -> None:
        """Closes every connection."""
        await self._pool.close()

    async def _once(
        self, host: _Host, target: Target, request: Mapping[str, Plain], progress: Progress
    ) -> dict[str, Plain]:
        self._refuse_when_cancelled(target)
        session = await self._unless_cancelled(self._session(host, target), target)
        return await self._within(target, session.ask(request, progress), str(request["op"]))

    async def _session(self, host: _Host, target: Target) -> Session:
        async with host.opening:
            if host.session is None or host.session.lost:
                host.session = await Session.open(target.host, await self._pool.connection(target), self._program)
            return host.session

    def _refuse_when_cancelled(self, target: Target) -> None:
        if self._cancelled.is_set():
            raise Interrupted(f"{target.host}: cancelled before anything was asked there")

    async def _within(self, target: Target, answer: Awaitable[T], operation: str) -> T:
        try:
            async with asyncio.timeout(target.operation_timeout_seconds):
                return await self._unless_cancelled(answer, target, grace_seconds=CANCEL_GRACE_SECONDS)
        except TimeoutError:
            raise ConnectionLost(
                f"{target.host}: no answer to {operation} within {target.operation_timeout_seconds:g} s;"
                " it goes on there and ends by itself"
            ) from None

    async def _unless_cancelled(self, work: Awaitable[T], target: Target, grace_seconds: float = 0) -> T:
        task, cancelled = asyncio.ensure_future(work), asyncio.create_task(self._cancelled.wait())
        try:
            await asyncio.wait({task, cancelled}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                await asyncio.wait({task}, timeout=grace_seconds)
            if not task.done():
                raise Interrupted(f"{target.host}: cancelled; what runs there finishes or is undone by itself")
            return task.result()
        finally:
            task.cancel()
            cancelled.cancel()
