"""A role that failed ends the registration of what depends on it, and of nothing else.

With PULUMI_CONTINUE_ON_ERROR the engine goes on after a failed resource, but the SDK (3.259) ends the program with a
traceback as soon as a resource depends on one: registrations not sent by then would be lost. What depends on it is
left out here, everything else is registered, and only then the program ends with an error. It must: after a program
that ends well the engine deletes whatever was not registered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

import pulumi
from pulumi.runtime.rpc_manager import RPCManager
from pulumi.runtime.stack import ResourceRegistrationFailed

T = TypeVar("T")
_Registration = Callable[..., Awaitable[T]]
_Wrapped = Callable[..., Awaitable[tuple[T, Exception]]]


def continue_beside_failures() -> None:
    """Call once, before the first resource. There is no public way to say this; a test runs it in the real engine."""
    original = RPCManager.do_rpc
    endings: list[asyncio.Future[object]] = []

    def do_rpc(self: RPCManager, name: str, rpc_function: _Registration[T]) -> _Wrapped[T]:
        async def unless_skipped(*args: object, **kwargs: object) -> T:
            try:
                return await rpc_function(*args, **kwargs)
            except ResourceRegistrationFailed:
                if not endings:
                    endings.append(asyncio.create_task(_end_with_an_error(self)))
                    _registrations(self).append(endings[0])
                return cast("T", None)

        return original(self, name, unless_skipped)

    RPCManager.do_rpc = do_rpc


async def _end_with_an_error(manager: RPCManager) -> object:
    """Waits for every other registration, then raises RunError."""
    this = asyncio.current_task()
    while others := [rpc for rpc in _registrations(manager) if rpc is not this and not rpc.done()]:
        await asyncio.wait(others)
    raise pulumi.RunError("what depends on a failed role was left as it is; the next run goes on there")


def _registrations(manager: RPCManager) -> list[asyncio.Future[object]]:
    return cast("list[asyncio.Future[object]]", manager.rpcs)  # pyright: ignore[reportUnknownMemberType] untyped there
