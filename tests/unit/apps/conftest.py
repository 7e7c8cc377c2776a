"""Applications as processes of their own, started from their folders as on a host."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

APPS = Path(__file__).resolve().parents[3] / "apps"

Starter = Callable[..., "Application"]


class Application:
    """A running application and the address at which it says that it listens."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.url = url

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        self.process.terminate()
        return self.process.wait(timeout=30)


@pytest.fixture
def start() -> Generator[Starter, None, None]:
    """Starts `python -m <module> --port 0 ...` from the folder of its application; kills what a test leaves running."""
    running: list[subprocess.Popen[str]] = []

    def starter(folder: str, module: str, *arguments: str, **environment: str) -> Application:
        process = subprocess.Popen(
            [sys.executable, "-m", module, "--port", "0", *arguments],
            cwd=APPS / folder,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "http://" in line, f"{module} said {line!r} instead of its address"
        return Application(process, line.split()[-1])

    yield starter
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=10)
