from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from tests.provider.harness import PROJECT

ENGINE, ANOTHER = "127.0.0.1:1", "127.0.0.1:2"


async def started(folder: Path, engine: str) -> tuple[asyncio.subprocess.Process, int]:
    """A process of the plugin for this engine, and the port it says."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "provider",
        engine,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(PROJECT), "PULUMI_HOME": str(folder), "HOME": str(folder)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    return process, int(await process.stdout.readline())


async def interrupted(*processes: asyncio.subprocess.Process) -> list[int]:
    """The exit codes after the signal with which the engine ends its plugins."""
    for process in processes:
        process.send_signal(signal.SIGINT)
    return [await process.wait() for process in processes]


def notes(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "soundstage").iterdir())


async def test_a_second_start_for_an_engine_leaves_it_to_the_first_one(tmp_path: Path) -> None:
    first, port = await started(tmp_path, ENGINE)
    second, same = await started(tmp_path, ENGINE)
    assert same == port
    assert second.returncode is None
    assert await interrupted(second) == [0]
    assert first.returncode is None
    assert await interrupted(first) == [0]
    assert notes(tmp_path) == []


async def test_another_engine_gets_a_process_of_its_own(tmp_path: Path) -> None:
    first, port = await started(tmp_path, ENGINE)
    second, other = await started(tmp_path, ANOTHER)
    assert other != port
    assert await interrupted(first, second) == [0, 0]


async def test_nobody_waits_for_a_process_that_was_killed(tmp_path: Path) -> None:
    first, port = await started(tmp_path, ENGINE)
    first.kill()
    await first.wait()
    assert notes(tmp_path) == [f"serves-{os.getpid()}-127.0.0.1-1"]
    second, fresh = await started(tmp_path, ENGINE)
    assert fresh != port
    assert await interrupted(second) == [0]


async def test_notes_of_engines_that_are_gone_are_removed(tmp_path: Path) -> None:
    gone = await asyncio.create_subprocess_exec("true")
    await gone.wait()
    (tmp_path / "soundstage").mkdir()
    (tmp_path / "soundstage" / f"serves-{gone.pid}-127.0.0.1-1").write_text("1")
    process, _ = await started(tmp_path, ENGINE)
    assert notes(tmp_path) == [f"serves-{os.getpid()}-127.0.0.1-1"]
    assert await interrupted(process) == [0]
