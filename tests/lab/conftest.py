"""Labs of their own for tests: in a directory of the test, on the next free network, beside one that runs already."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import pytest

PROJECT = Path(__file__).parents[2]


class HostStatus(TypedDict):
    """What `lab status --json` says of a host."""

    address: str
    running: bool
    cut: bool
    loss_percent: float


@dataclass(frozen=True)
class LabCommand:
    """`./lab/lab` for the lab in `directory`."""

    directory: Path

    def run(self, *arguments: str, expect: int = 0, seconds: float = 120) -> str:
        """Run a command that must end with `expect`; what it printed on stdout."""
        done = subprocess.run(self.argv(*arguments), capture_output=True, text=True, timeout=seconds, check=False)
        said = f"{done.stdout}{done.stderr}"
        assert done.returncode == expect, f"lab {' '.join(arguments)} ended with {done.returncode}:\n{said}"
        return done.stdout

    def argv(self, *arguments: str) -> list[str]:
        """The command line."""
        return [str(PROJECT / "lab" / "lab"), "--dir", str(self.directory), *arguments]

    def on(self, host: str, *command: str) -> str:
        """Run a command as root in the host, past its network."""
        return self.run("exec", host, "--", *command).strip()

    def hosts(self) -> dict[str, HostStatus]:
        """Every host's status, by name."""
        done = subprocess.run(self.argv("status", "--json"), capture_output=True, text=True, check=False)
        return json.loads(done.stdout)["hosts"]

    @property
    def id(self) -> str:
        """What the names of this lab's bridge, tables and containers have in common."""
        return hashlib.sha256(str(self.directory.resolve()).encode()).hexdigest()[:6]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabCommand]:
    """A running lab of two hosts, one and two, taken away afterwards."""
    command = LabCommand(tmp_path_factory.mktemp("lab"))
    try:
        command.run("up", "one", "two", seconds=600)
        yield command
    finally:
        command.run("down")
