"""A role that failed ends the registration of what depends on it, and of nothing else.

With PULUMI_CONTINUE_ON_ERROR the engine goes on after a failed resource, but the SDK (3.259) ends the program with a
traceback when a resource depends on one: registrations not sent by then would be lost. What depends on it is left out
here as the engine itself would skip it; the failure itself is reported by the engine and makes the exit code.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

from pulumi.runtime.rpc_manager import RPCManager
from pulumi.runtime.stack import ResourceRegistrationFailed

T = TypeVar("T")
_Registration = Callable[..., Awaitable[T]]
_Wrapped = Callable[..., Awaitable[tuple[T, Exception]]]


def continue_beside_failures() -> None:
    """Call once, before the first resource. There is no public way to say this; a test runs it in the real engine."""
    original = RPCManager.do_rpc

    def do_rpc(self: RPCManager, name: str, rpc_function: _Registration[T]) -> _Wrapped[T]:
        async def unless_skipped(*args: object, **kwargs: object) -> T:
            try:
                return await rpc_function(*args, **kwargs)
            except ResourceRegistrationFailed:
                return cast("T", None)

        return original(self, name, unless_skipped)

    RPCManager.do_rpc = do_rpc
