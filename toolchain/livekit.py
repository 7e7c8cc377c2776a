"""LiveKit's server, built from its pinned Go module; only what needs it asks for it."""

from __future__ import annotations

import platform
import re
from pathlib import Path

from toolchain.cache import entry
from toolchain.failure import Failure
from toolchain.go_module import GoTool, build, compiler_for

_NAME = "livekit-server"
_GO_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def livekit_server(architecture: str = "") -> Path:
    """The program for an architecture of versions.ARCHITECTURES (default: this machine's); built once, about 3 minutes.

    It is linked statically, so that one build runs on every host. Raises Failure if Go is needed and missing.
    """
    tool = _tool(architecture or platform.machine())
    name = f"{_NAME}-{_version(tool)}-{tool.environment['GOARCH']}-{tool.key}"
    return entry("tools", name, lambda part: _build(tool, part)) / _NAME


def _tool(architecture: str) -> GoTool:
    target = _GO_ARCHITECTURES.get(architecture)
    if target is None:
        raise Failure(f"{_NAME} is built for {' and '.join(_GO_ARCHITECTURES)}, not for {architecture}")
    environment = {"CGO_ENABLED": "0", "GOOS": "linux", "GOARCH": target}
    return GoTool(_NAME, "github.com/livekit/livekit-server/cmd/server", ("-ldflags=-s -w",), environment)


def _version(tool: GoTool) -> str:
    found = re.search(r"(?m)github\.com/livekit/livekit-server v(\S+)", (tool.module / "go.mod").read_text())
    if found is None:
        raise Failure(f"{tool.module}/go.mod does not require livekit-server")
    return found.group(1)


def _build(tool: GoTool, part: Path) -> None:
    build(compiler_for(tool, f"{_NAME} is not built yet", "install "), tool, part / _NAME)
