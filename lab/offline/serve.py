"""Serves a stand-in to the engine, which hears at once what it talks to."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar, cast

import grpc.aio
from pulumi.provider.experimental import provider
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, provider_pb2_grpc

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")


class Refused(Exception):
    """What the stand-in cannot or will not do, in a sentence for the operator."""


class _Context(Protocol):
    async def abort(self, code: grpc.StatusCode, details: str) -> None: ...


_Call = Callable[[_Request, _Context], Awaitable[_Response]]


class _Engine(Protocol):
    def Log(self, request: engine_pb2.LogRequest) -> Awaitable[object]: ...  # noqa: N802 - the name in Pulumi's protocol


class _Servicer(ProviderServicer):
    """The SDK's servicer; a refusal arrives as the sentence it is, without class name and traceback."""

    async def DiffConfig(  # noqa: N802 - the name in Pulumi's protocol
        self,
        request: provider_pb2.DiffRequest,  # noqa: ARG002 - there is no configuration
        context: _Context,  # noqa: ARG002
    ) -> provider_pb2.DiffResponse:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    async def Create(  # noqa: N802 - the name in Pulumi's protocol
        self, request: provider_pb2.CreateRequest, context: _Context
    ) -> provider_pb2.CreateResponse:
        create = cast("_Call[provider_pb2.CreateRequest, provider_pb2.CreateResponse]", super().Create)  # pyright: ignore[reportUnknownMemberType] untyped
        return await _plainly(create, request, context)

    async def Update(  # noqa: N802 - the name in Pulumi's protocol
        self, request: provider_pb2.UpdateRequest, context: _Context
    ) -> provider_pb2.UpdateResponse:
        update = cast("_Call[provider_pb2.UpdateRequest, provider_pb2.UpdateResponse]", super().Update)  # pyright: ignore[reportUnknownMemberType] untyped
        return await _plainly(update, request, context)


async def serve(stand_in: provider.Provider, package: str, version: str, engine: str) -> None:
    """Serves the engine at this address until it ends, as `package` in the `version` of the official plugin."""
    logging.getLogger("asyncssh").setLevel(logging.CRITICAL)
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    server = grpc.aio.server()
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(_Servicer([], version, stand_in, engine), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    async with grpc.aio.insecure_channel(engine) as channel:
        warning = f"{package}: a stand-in for Pulumi's official plugin, for hosts of the lab only"
        log = cast("_Engine", engine_pb2_grpc.EngineStub(channel))
        await log.Log(engine_pb2.LogRequest(severity=engine_pb2.WARNING, message=warning))
    await ended.wait()
    await server.stop(grace=None)


async def _plainly(call: _Call[_Request, _Response], request: _Request, context: _Context) -> _Response:
    try:
        return await call(request, context)
    except Refused as refused:
        await context.abort(grpc.StatusCode.UNKNOWN, str(refused))
        raise
