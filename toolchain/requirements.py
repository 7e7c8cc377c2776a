"""Writes requirements.txt, requirements-dev.txt and those of bench/peers from pyproject.toml: `make requirements`."""

from __future__ import annotations

import os
import sys

from toolchain.cache import PROJECT
from toolchain.environment import activated_path
from toolchain.failure import exit_code
from toolchain.progress import run

_COMPILE = ("uv", "pip", "compile", "--upgrade", "--universal", "--python-version=3.11")
_TARGETS = {
    "requirements.txt": ("pyproject.toml",),
    "requirements-dev.txt": ("pyproject.toml", "--extra=dev", "-c=requirements.txt"),
    "bench/peers/requirements.txt": ("--group=pyproject.toml:peers",),
}
"""Each file and what goes into it; the second one contains the first one's versions."""
_OPTIONS = (
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--custom-compile-command=make requirements",
)


def main() -> int:
    """Resolve every file."""
    environment = {**os.environ, "PATH": activated_path()}
    for target, sources in _TARGETS.items():
        command = [*_COMPILE, *sources, *_OPTIONS, f"--output-file={target}"]
        run(command, f"resolving {target}", cwd=PROJECT, environment=environment)
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
