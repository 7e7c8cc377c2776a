"""Messages to the engine, so that the operator sees them in the CLI beside their resource."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Protocol, cast

import grpc.aio
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from provider.redaction import Redaction


class _Engine(Protocol):
    def Log(self, request: engine_pb2.LogRequest) -> Awaitable[object]: ...  # noqa: N802 - the name in Pulumi's protocol


class Log:
    """Speaks to the engine at `address`; every message goes through the redaction first, and in the order given."""

    def __init__(self, address: str, redaction: Redaction) -> None:
        self._engine = cast("_Engine", engine_pb2_grpc.EngineStub(grpc.aio.insecure_channel(address)))
        self._redaction = redaction
        self._order = asyncio.Lock()
        self._told: set[tuple[str, str]] = set()

    async def info(self, urn: str, message: str) -> None:
        """A line that stays in the output, once: the engine may ask for the same difference twice in a run."""
        if (urn, message) not in self._told:
            self._told.add((urn, message))
            await self._send(engine_pb2.INFO, urn, message)

    async def warning(self, urn: str, message: str) -> None:
        """A line that stays, marked as a warning."""
        await self._send(engine_pb2.WARNING, urn, message)

    async def error(self, urn: str, message: str) -> None:
        """A line that stays, marked as an error. It does not change the exit code of the command."""
        await self._send(engine_pb2.ERROR, urn, message)

    async def debug(self, message: str) -> None:
        """A line that is shown only with --debug."""
        await self._send(engine_pb2.DEBUG, "", message)

    async def progress(self, urn: str, message: str) -> None:
        """What happens right now; it stands beside the resource until the next one."""
        await self._send(engine_pb2.INFO, urn, message, ephemeral=True)

    async def _send(
        self, severity: engine_pb2.LogSeverity.ValueType, urn: str, message: str, *, ephemeral: bool = False
    ) -> None:
        request = engine_pb2.LogRequest(
            severity=severity, urn=urn, message=self._redaction.clean(message), ephemeral=ephemeral
        )
        async with self._order:
            try:
                await self._engine.Log(request)
            except grpc.aio.AioRpcError:
                # The engine is gone; the process ends for that reason elsewhere, never for an unread message.
                return
