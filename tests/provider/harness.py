"""What the tests of the plugin share: a fake engine that keeps messages, and the engine's calls to the plugin."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import grpc.aio
import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2

from provider.values import Plain, Properties, dressed_map
from tests.provider.fake_host import FakeHost

PROJECT = Path(__file__).resolve().parent.parent.parent
STACK_URN = "urn:pulumi:test::soundstage::"


class Engine(engine_pb2_grpc.EngineServicer):
    """Keeps every message it is sent."""

    def __init__(self) -> None:
        self.messages: list[engine_pb2.LogRequest] = []

    async def Log(self, request: engine_pb2.LogRequest, context: object) -> empty_pb2.Empty:  # noqa: N802
        self.messages.append(request)
        return empty_pb2.Empty()

    def said(self, severity: engine_pb2.LogSeverity.ValueType, *, ephemeral: bool = False) -> list[str]:
        """The messages of one kind, in order."""
        return [each.message for each in self.messages if each.severity == severity and each.ephemeral == ephemeral]


class Stub(Protocol):
    """The calls of the engine; Pulumi's own stub is typed for blocking channels only."""

    def Check(self, request: provider_pb2.CheckRequest) -> Awaitable[provider_pb2.CheckResponse]: ...  # noqa: N802
    def CheckConfig(self, request: provider_pb2.CheckRequest) -> Awaitable[provider_pb2.CheckResponse]: ...  # noqa: N802
    def Diff(self, request: provider_pb2.DiffRequest) -> Awaitable[provider_pb2.DiffResponse]: ...  # noqa: N802
    def DiffConfig(self, request: provider_pb2.DiffRequest) -> Awaitable[provider_pb2.DiffResponse]: ...  # noqa: N802
    def Create(self, request: provider_pb2.CreateRequest) -> Awaitable[provider_pb2.CreateResponse]: ...  # noqa: N802
    def Update(self, request: provider_pb2.UpdateRequest) -> Awaitable[provider_pb2.UpdateResponse]: ...  # noqa: N802
    def Read(self, request: provider_pb2.ReadRequest) -> Awaitable[provider_pb2.ReadResponse]: ...  # noqa: N802
    def Delete(self, request: provider_pb2.DeleteRequest) -> Awaitable[empty_pb2.Empty]: ...  # noqa: N802
    def Cancel(self, request: empty_pb2.Empty) -> Awaitable[empty_pb2.Empty]: ...  # noqa: N802


@dataclass
class Plugin:
    """The running plugin: what the engine may call, and what the engine heard."""

    process: asyncio.subprocess.Process
    engine: Engine
    stub: Stub

    async def check(self, kind: str, news: Properties) -> dict[str, str]:
        """Property → what is wrong with it; a refusal without a property begins with its path."""
        request = provider_pb2.CheckRequest(urn=urn(kind), news=PropertyValue.marshal_map(dict(news)))
        failures = (await self.stub.Check(request)).failures
        sentences = [f"{failure.property} {failure.reason}".strip() for failure in failures]
        return dict(sentence.split(" ", 1) for sentence in sentences)

    async def diff(self, kind: str, olds: Properties, news: Properties) -> provider_pb2.DiffResponse:
        """The engine's question before every update."""
        return await self.stub.Diff(
            provider_pb2.DiffRequest(id="x", urn=urn(kind), olds=_struct(olds), news=_struct(news))
        )

    async def create(self, kind: str, news: Properties, *, preview: bool = False) -> dict[str, PropertyValue]:
        """The outputs of a new resource."""
        request = provider_pb2.CreateRequest(urn=urn(kind), properties=_struct(news), preview=preview)
        return PropertyValue.unmarshal_map((await self.stub.Create(request)).properties)

    async def update(
        self, kind: str, olds: Properties, news: Properties, *, preview: bool = False
    ) -> dict[str, PropertyValue]:
        """The outputs of the changed resource."""
        request = provider_pb2.UpdateRequest(
            id="x", urn=urn(kind), olds=_struct(olds), news=_struct(news), preview=preview
        )
        return PropertyValue.unmarshal_map((await self.stub.Update(request)).properties)

    async def read(self, kind: str, state: Properties, inputs: Properties) -> struct_pb2.Struct:
        """The outputs as a refresh would store them, byte for byte."""
        request = provider_pb2.ReadRequest(id="x", urn=urn(kind), properties=_struct(state), inputs=_struct(inputs))
        return (await self.stub.Read(request)).properties

    async def delete(self, kind: str, state: Properties, old_inputs: Properties | None = None) -> None:
        """The end of a resource."""
        request = provider_pb2.DeleteRequest(
            id="x", urn=urn(kind), properties=_struct(state), old_inputs=_struct(old_inputs or {})
        )
        await self.stub.Delete(request)


def urn(kind: str) -> str:
    """A URN of this kind in the stack `test`."""
    return f"{STACK_URN}{kind}::x"


def _struct(properties: Properties) -> struct_pb2.Struct:
    return PropertyValue.marshal_map(dict(properties))


async def message_of(call: Awaitable[object]) -> str:
    """What the operator would read when the call fails."""
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call
    return failed.value.details() or ""


def role_inputs(host: FakeHost, folder: Path, role: dict[str, Plain], **connection: Plain) -> dict[str, PropertyValue]:
    """The inputs of a role on this host."""
    reached = host.connection(folder / "known_hosts", folder / "id_ed25519", **connection)
    return dressed_map({"host": "edge1", "connection": reached, "role": role})


ROLE, ROSTER = "soundstage:host:Role", "soundstage:host:Roster"


def roster_inputs(
    host: FakeHost, folder: Path, roles: dict[str, bool], **connection: Plain
) -> dict[str, PropertyValue]:
    """The inputs of the roster of this host: role name → whether it was reached."""
    reached = host.connection(folder / "known_hosts", folder / "id_ed25519", **connection)
    return dressed_map({"host": "edge1", "connection": reached, "roles": {**roles}})


async def message_of_the_roster(plugin: Plugin, host: FakeHost, folder: Path, **connection: Plain) -> str:
    """What the operator reads of a host that none of its roles reached; the role itself is only marked."""
    inputs = role_inputs(host, folder, {"name": "haproxy", "packages": {"haproxy": ""}}, **connection)
    left = await plugin.create(ROLE, inputs)
    assert left["reachable"] == PropertyValue(False)
    assert left["role"] == PropertyValue({"name": PropertyValue("haproxy")})
    return await message_of(plugin.create(ROSTER, roster_inputs(host, folder, {"haproxy": False}, **connection)))
