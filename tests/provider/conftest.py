"""The plugin as the engine starts it, and a host to reach."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import asyncssh
import grpc.aio
import pytest
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2_grpc

from tests.provider.fake_host import FakeHost, exported, fake_host, new_key
from tests.provider.harness import PROJECT, Engine, Plugin, Stub


@pytest.fixture
async def plugin(tmp_path: Path) -> AsyncIterator[Plugin]:
    """The plugin's own process, in a project folder of its own, with a fake engine."""
    engine = Engine()
    server = grpc.aio.server()
    engine_pb2_grpc.add_EngineServicer_to_server(engine, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "provider",
        address,
        cwd=tmp_path,
        env={
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(PROJECT),
            "PULUMI_HOME": str(tmp_path / "pulumi"),
            "HOME": str(tmp_path),
        },
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    port = int(await process.stdout.readline())
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Plugin(process, engine, cast("Stub", provider_pb2_grpc.ResourceProviderStub(channel)))
    if process.returncode is None:
        process.terminate()
    await process.wait()
    await server.stop(grace=None)


@pytest.fixture
def user_key(tmp_path: Path) -> asyncssh.SSHKey:
    """The operator's key; its private half lies in `tmp_path/id_ed25519`."""
    key = new_key()
    (tmp_path / "id_ed25519").write_bytes(exported(key))
    return key


@pytest.fixture
async def host(tmp_path: Path, user_key: asyncssh.SSHKey) -> AsyncIterator[FakeHost]:
    """A host whose key is in `tmp_path/known_hosts`."""
    (tmp_path / "home").mkdir()
    async with fake_host(tmp_path / "home", user_key) as running:
        (tmp_path / "known_hosts").write_text(running.known_hosts_line(), encoding="utf-8")
        yield running
