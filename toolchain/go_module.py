"""Programs built from pinned Go modules; `toolchain/<name>` holds the go.mod and go.sum."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from toolchain.cache import PROJECT, key_of
from toolchain.failure import Failure
from toolchain.progress import run

GO = (1, 26)
"""The version the modules under toolchain/ ask for."""


@dataclass(frozen=True)
class GoTool:
    """A program of a Go module."""

    name: str
    package: str
    flags: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    """Set for the compiler: what it builds for."""

    @property
    def module(self) -> Path:
        """Where its go.mod is."""
        return PROJECT / "toolchain" / self.name

    @property
    def key(self) -> str:
        """Changes with whatever changes the program."""
        sums = (self.module / "go.mod").read_bytes(), (self.module / "go.sum").read_bytes()
        return key_of(*sums, *self.flags, *(f"{key}={value}" for key, value in sorted(self.environment.items())))


def version_of(printed: str) -> tuple[int, ...]:
    """The first version number in a text; () if there is none."""
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", printed)
    return tuple(int(part) for part in found.groups() if part is not None) if found else ()


def compiler_for(tool: GoTool, problem: str, way_out: str) -> str:
    """The `go` to build `tool` with. Raises Failure, made of `problem` and `way_out`, if it is missing or too old."""
    go = shutil.which("go")
    if go is None or _go_version(go, tool) < GO:
        needed = f"Go {GO[0]}.{GO[1]} or newer to build it is missing"
        raise Failure(f"{problem}, and {needed}: {way_out}Go (https://go.dev/dl)")
    return go


def build(go: str, tool: GoTool, binary: Path) -> None:
    """Compile `tool` to `binary`."""
    command = [go, "build", "-v", "-trimpath", "-mod=readonly", *tool.flags, "-o", str(binary), tool.package]
    title = f"building {tool.name} (once, some minutes)"
    run(command, title, cwd=tool.module, environment={**os.environ, **tool.environment})


def _go_version(go: str, tool: GoTool) -> tuple[int, ...]:
    # Asked in the module: a Go that may fetch the one a module asks for says that one.
    return version_of(
        subprocess.run([go, "version"], cwd=tool.module, capture_output=True, text=True, check=False).stdout
    )
