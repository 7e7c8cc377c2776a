"""The engine starts the plugin twice in one run: a spare process of the first start serves the second one."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol, cast

import grpc.aio
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2_grpc

from tests.provider.harness import PROJECT

ENGINE, ANOTHER = "127.0.0.1:1", "127.0.0.1:2"
PATIENCE_SECONDS = 20


class Stub(Protocol):
    """The two calls of the engine that the tests make."""

    def GetPluginInfo(self, request: empty_pb2.Empty) -> Awaitable[plugin_pb2.PluginInfo]: ...  # noqa: N802
    def Cancel(self, request: empty_pb2.Empty) -> Awaitable[empty_pb2.Empty]: ...  # noqa: N802


async def started(folder: Path, engine: str = ENGINE) -> tuple[asyncio.subprocess.Process, int]:
    """A process of the plugin for this engine, and the port it says."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "provider",
        engine,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(PROJECT), "PULUMI_HOME": str(folder), "HOME": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    return process, int(await process.stdout.readline())


async def answers(port: int, call: Callable[[Stub], Awaitable[object]]) -> bool:
    """Whether the server behind the port answers this call."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            await call(cast("Stub", provider_pb2_grpc.ResourceProviderStub(channel)))
        except grpc.aio.AioRpcError:
            return False
        return True


async def silent(port: int) -> bool:
    """Whether nobody listens there any more, within a while."""
    end = time.monotonic() + PATIENCE_SECONDS
    while await answers(port, lambda stub: stub.GetPluginInfo(empty_pb2.Empty())):
        assert time.monotonic() < end
    return True


async def closed(process: asyncio.subprocess.Process, port: int) -> int:
    """Ends a process as the engine does, with a word first; its exit code."""
    assert await answers(port, lambda stub: stub.Cancel(empty_pb2.Empty()))
    os.killpg(process.pid, signal.SIGINT)
    async with asyncio.timeout(PATIENCE_SECONDS):
        return await process.wait()


def serves_itself(process: asyncio.subprocess.Process) -> bool:
    return "cygrpc" in Path(f"/proc/{process.pid}/maps").read_text()


def notes(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "soundstage").iterdir())


async def test_a_second_start_is_served_by_the_spare_process_and_ends_after_the_first(tmp_path: Path) -> None:
    first, port = await started(tmp_path)
    second, other = await started(tmp_path)
    assert (serves_itself(first), serves_itself(second)) == (True, False)
    assert other != port
    assert await closed(first, port) == 0
    assert await closed(second, other) == 0
    assert await silent(other)
    assert notes(tmp_path) == []


async def test_a_second_start_may_end_before_the_first(tmp_path: Path) -> None:
    first, port = await started(tmp_path)
    second, other = await started(tmp_path)
    assert await closed(second, other) == 0
    assert await silent(other)
    assert await closed(first, port) == 0


async def test_a_spare_process_serves_once_and_only_its_own_engine(tmp_path: Path) -> None:
    processes = [await started(tmp_path, engine) for engine in (ENGINE, ENGINE, ENGINE, ANOTHER)]
    assert [serves_itself(process) for process, _ in processes] == [True, False, True, True]
    assert [await closed(process, port) for process, port in processes] == [0, 0, 0, 0]


async def test_a_spare_process_nobody_asked_for_ends_with_the_first(tmp_path: Path) -> None:
    first, _ = await started(tmp_path)
    spare = int((tmp_path / "soundstage" / notes(tmp_path)[0]).read_text())
    first.kill()
    await first.wait()
    assert await silent(spare)
    second, port = await started(tmp_path)
    assert serves_itself(second)
    assert await closed(second, port) == 0


async def test_notes_of_engines_that_are_gone_are_removed(tmp_path: Path) -> None:
    gone = await asyncio.create_subprocess_exec("true")
    await gone.wait()
    (tmp_path / "soundstage").mkdir()
    (tmp_path / "soundstage" / f"spare-{gone.pid}-127.0.0.1-1").write_text("1")
    process, port = await started(tmp_path)
    assert notes(tmp_path) == [f"spare-{os.getpid()}-127.0.0.1-1"]
    assert await closed(process, port) == 0
