"""The Pulumi engine and its Python language host: from PATH if new enough, else built from pinned Go modules."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from toolchain.cache import entry, key_of, path_of_the_machine
from toolchain.go_module import GoTool, build, compiler_for, version_of

PULUMI = (3, 259, 0)
"""Matches the `pulumi` package in requirements.txt."""
_SDK = "github.com/pulumi/pulumi/sdk/v3"
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
    way_out = f"install Pulumi {_VERSION} or newer (https://www.pulumi.com/docs/install), or "
    go = compiler_for(tool, "Pulumi is not on PATH", way_out)
    binary = part / "libexec" / tool.name if tool is LANGUAGE_HOST else part / tool.name
    build(go, tool, binary)
    if tool is LANGUAGE_HOST:
        # The newest language host in a served module is older than the SDK; its script must be the SDK's own.
        sdk = _module_directory(go, ENGINE, _SDK)
        shutil.copyfile(sdk / "python" / "cmd" / LANGUAGE_SCRIPT, binary.parent / LANGUAGE_SCRIPT)
        (binary.parent / LANGUAGE_SCRIPT).chmod(0o755)
        (part / tool.name).write_text(_LAUNCHER)
        (part / tool.name).chmod(0o755)


def _module_directory(go: str, tool: GoTool, module: str) -> Path:
    download = [go, "mod", "download", "-json", module]
    subprocess.run(download, cwd=tool.module, check=True, capture_output=True)
    listing = [go, "list", "-m", "-f", "{{.Dir}}", module]
    return Path(subprocess.run(listing, cwd=tool.module, check=True, capture_output=True, text=True).stdout.strip())
