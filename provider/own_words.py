"""Errors on their way to the engine: the message alone, no class name, no traceback, no secret."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar, cast

import grpc
import grpc.aio
from google.protobuf import any_pb2
from pulumi.errors import InputPropertiesError
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime.proto import provider_pb2, status_pb2

from provider.errors import PluginError, Unfinished
from provider.log import Log
from provider.redaction import Redaction

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")


class _Context(Protocol):
    async def abort(self, code: grpc.StatusCode, details: str) -> None: ...

    async def abort_with_status(self, status: grpc.Status) -> None: ...


class _Status(grpc.Status):
    """A status with a detail the engine understands."""

    def __init__(self, code: grpc.StatusCode, message: str, detail: any_pb2.Any) -> None:
        number = cast("tuple[int, str]", code.value)[0]
        packed = status_pb2.Status(code=number, message=message, details=[detail])
        self.code = code
        self.details = message
        self.trailing_metadata = (("grpc-status-details-bin", packed.SerializeToString()),)


class OwnWords(grpc.aio.ServerInterceptor):
    """Ends every failed call with our sentence; property errors and unfinished changes keep their details."""

    def __init__(self, servicer: ProviderServicer, log: Log, redaction: Redaction) -> None:
        self._servicer = servicer
        self._log = log
        self._redaction = redaction

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[_Request, _Response] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[_Request, _Response] | None:
        """Wraps the handler of each call."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        call = cast("Callable[[_Request, _Context], Awaitable[_Response]]", handler.unary_unary)

        async def guarded(request: _Request, context: _Context) -> _Response:
            try:
                return await call(request, context)
            except (grpc.aio.AbortError, NotImplementedError):
                raise
            except Exception as error:
                await self._answer(_own(error), context)
                raise

        behaviour = cast("Callable[[_Request, grpc.ServicerContext], _Response]", guarded)
        return grpc.unary_unary_rpc_method_handler(behaviour, handler.request_deserializer, handler.response_serializer)

    async def _answer(self, error: Exception, context: _Context) -> None:
        message = self._redaction.clean(str(error))
        if isinstance(error, InputPropertiesError):
            status = self._servicer.create_grpc_invalid_properties_status(error.message, error.errors)
            await context.abort_with_status(status)
        if isinstance(error, Unfinished):
            detail = any_pb2.Any()
            outputs = PropertyValue.marshal_map(dict(error.outputs))
            detail.Pack(
                provider_pb2.ErrorResourceInitFailed(id=error.resource_id, properties=outputs, reasons=[message])
            )
            await context.abort_with_status(_Status(grpc.StatusCode.UNKNOWN, message, detail))
        if not isinstance(error, PluginError):
            await self._log.debug("".join(traceback.format_exception(error)))
            message = f"the soundstage plugin itself failed: {message or 'without a word'} (--debug shows where)"
        await context.abort(grpc.StatusCode.UNKNOWN, message)


def _own(error: Exception) -> Exception:
    """The error as it was raised: newer SDKs wrap it in a plain one whose text is its traceback."""
    return error.__context__ if type(error) is Exception and isinstance(error.__context__, Exception) else error
