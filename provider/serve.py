"""The plugin as a process: finds its engine, serves it, and leaves with it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import grpc
import grpc.aio
from google.protobuf import empty_pb2
from pulumi.provider.experimental import provider
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from hostside.bundle import build
from provider.front import Front
from provider.hosts import Hosts
from provider.invocation import Caller, Invocation
from provider.log import Log
from provider.own_words import OwnWords
from provider.plugin import VERSION, Soundstage
from provider.redaction import Redaction
from provider.resource import Run
from provider.session import Program
from provider.spare import notes

_MESSAGE_BYTES = 400 * 1024 * 1024
"""The engine's own limit."""


class _Context(Protocol):
    """What a call is given beside its request; nothing of it is used here."""


class Servicer(ProviderServicer):
    """The SDK's servicer, with what it leaves out: old inputs in Delete, and a DiffConfig that can say no."""

    def __init__(self, plugin: Soundstage, engine: str) -> None:
        super().__init__([], VERSION, plugin, engine)
        self._plugin = plugin

    async def DiffConfig(  # noqa: N802 - the name in Pulumi's protocol
        self,
        request: provider_pb2.DiffRequest,  # noqa: ARG002 - nothing in it is the plugin's
        context: _Context,  # noqa: ARG002
    ) -> provider_pb2.DiffResponse:
        """Project and package share their name, so every config key arrives here; none of them is the plugin's."""
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    async def Delete(  # noqa: N802
        self,
        request: provider_pb2.DeleteRequest,
        context: _Context,  # noqa: ARG002
    ) -> empty_pb2.Empty:
        """Reaches the host as it was declared last: another way to reach it is no difference, so outputs lag behind."""
        properties = PropertyValue.unmarshal_map(request.properties)
        declared = PropertyValue.unmarshal_map(request.old_inputs)
        if "connection" in declared:
            properties["connection"] = declared["connection"]
        await self._plugin.delete(provider.DeleteRequest(request.urn, request.id, properties, request.timeout))
        return empty_pb2.Empty()


async def serve(caller: Caller, project: Path, front: Callable[[], Front]) -> None:
    """Serves the engine until its front says it is over; relative paths are relative to `project`."""
    whom = front()
    logging.getLogger("asyncssh").setLevel(logging.CRITICAL)
    redaction = Redaction()
    log = Log(caller.address, redaction)
    invocation = Invocation(caller, notes())
    invocation.forget_finished_runs()
    hosts = Hosts(Program(build().content))
    plugin = Soundstage(Run(hosts, log, project, invocation), redaction)
    servicer = Servicer(plugin, caller.address)
    options = [("grpc.max_receive_message_length", _MESSAGE_BYTES), ("grpc.max_send_message_length", _MESSAGE_BYTES)]
    server = grpc.aio.server(interceptors=[OwnWords(servicer, log, redaction)], options=options)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    whom.say(port)
    await whom.end()
    await hosts.cancel()
    await hosts.close()
    await server.stop(grace=None)
