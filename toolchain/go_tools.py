"""The Pulumi engine and its Python language host: from PATH if new enough, else built from pinned Go modules."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from toolchain.cache import PROJECT, entry, key_of, path_of_the_machine
from toolchain.failure import Failure
from toolchain.progress import run

PULUMI = (3, 259, 0)
"""Matches the `pulumi` package in requirements.txt."""
GO = (1, 26)
"""The version the modules under toolchain/ ask for."""
_SDK = "github.com/pulumi/pulumi/sdk/v3"


@dataclass(frozen=True)
class GoTool:
    """A program of a Go module; `toolchain/<name>` holds its go.mod and go.sum."""

    name: str
    package: str
    flags: tuple[str, ...] = ()

    @property
    def module(self) -> Path:
        """Where its go.mod is."""
        return PROJECT / "toolchain" / self.name

    @property
    def key(self) -> str:
        """Changes with whatever changes the program."""
        sums = (self.module / "go.mod").read_bytes(), (self.module / "go.sum").read_bytes()
        return key_of(*sums, *self.flags)


_VERSION = ".".join(map(str, PULUMI))
ENGINE = GoTool(
    "pulumi",
    "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    ("-tags=osusergo", f"-ldflags=-s -w -X {_SDK}/go/common/version.Version=v{_VERSION}"),
)
LANGUAGE_HOST = GoTool("pulumi-language-python", f"{_SDK}/python/cmd/pulumi-language-python", ("-ldflags=-s -w",))
LANGUAGE_SCRIPT = "pulumi-language-python-exec"
_LAUNCHER = """\
#!/bin/sh
# This language host does not notice that its engine was killed; the kernel ends it then.
exec setpriv --pdeathsig TERM "$(dirname -- "$0")/libexec/pulumi-language-python" "$@"
"""


def ensure() -> Path:
    """The directory that holds the engine and its language host. Raises Failure if Go is needed and missing."""
    # Side by side: the engine takes a language host beside itself for its own, and warns about any other.
    return _on_path() or entry(
        "tools", f"pulumi-{_VERSION}-{key_of(ENGINE.key, LANGUAGE_HOST.key, _LAUNCHER)}", _build_all
    )


def version_of(printed: str) -> tuple[int, ...]:
    """The first version number in a text; () if there is none."""
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", printed)
    return tuple(int(part) for part in found.groups() if part is not None) if found else ()


def _on_path() -> Path | None:
    path = path_of_the_machine()
    found, language_host = shutil.which("pulumi", path=path), shutil.which("pulumi-language-python", path=path)
    if found is None or language_host is None:
        return None
    quiet = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    printed = subprocess.run([found, "version"], capture_output=True, text=True, check=False, env=quiet).stdout
    version = version_of(printed)
    return Path(found).parent if version[:1] == PULUMI[:1] and version >= PULUMI else None


def _build_all(part: Path) -> None:
    _build(ENGINE, part)
    _build(LANGUAGE_HOST, part)


def _build(tool: GoTool, part: Path) -> None:
    go = shutil.which("go")
    if go is None or _go_version(go, tool) < GO:
        raise Failure(
            f"Pulumi is not on PATH, and Go {GO[0]}.{GO[1]} or newer to build it is missing: install Pulumi {_VERSION} "
            "or newer (https://www.pulumi.com/docs/install), or Go (https://go.dev/dl)"
        )
    binary = part / "libexec" / tool.name if tool is LANGUAGE_HOST else part / tool.name
    command = [go, "build", "-v", "-trimpath", "-mod=readonly", *tool.flags, "-o", str(binary), tool.package]
    run(command, f"building {tool.name} (once, some minutes)", cwd=tool.module)
    if tool is LANGUAGE_HOST:
        # The newest language host in a served module is older than the SDK; its script must be the SDK's own.
        sdk = _module_directory(go, ENGINE, _SDK)
        shutil.copyfile(sdk / "python" / "cmd" / LANGUAGE_SCRIPT, binary.parent / LANGUAGE_SCRIPT)
        (binary.parent / LANGUAGE_SCRIPT).chmod(0o755)
        (part / tool.name).write_text(_LAUNCHER)
        (part / tool.name).chmod(0o755)


def _go_version(go: str, tool: GoTool) -> tuple[int, ...]:
    # Asked in the module: a Go that may fetch the one a module asks for says that one.
    return version_of(
        subprocess.run([go, "version"], cwd=tool.module, capture_output=True, text=True, check=False).stdout
    )


def _module_directory(go: str, tool: GoTool, module: str) -> Path:
    download = [go, "mod", "download", "-json", module]
    subprocess.run(download, cwd=tool.module, check=True, capture_output=True)
    listing = [go, "list", "-m", "-f", "{{.Dir}}", module]
    return Path(subprocess.run(listing, cwd=tool.module, check=True, capture_output=True, text=True).stdout.strip())
