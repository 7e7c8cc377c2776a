"""Writes requirements.txt and requirements-dev.txt from pyproject.toml: `make requirements`."""

from __future__ import annotations

import os
import sys

from toolchain.cache import PROJECT
from toolchain.environment import activated_path
from toolchain.failure import exit_code
from toolchain.progress import run

_COMPILE = ("uv", "pip", "compile", "pyproject.toml", "--upgrade", "--universal", "--python-version=3.11")
_OPTIONS = (
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--custom-compile-command=make requirements",
)


def main() -> int:
    """Resolve both files; the second one contains the first one's versions."""
    environment = {**os.environ, "PATH": activated_path()}
    base = [*_COMPILE, *_OPTIONS]
    for extra, target in (([], "requirements.txt"), (["--extra=dev", "-c=requirements.txt"], "requirements-dev.txt")):
        command = [*base, *extra, f"--output-file={target}"]
        run(command, f"resolving {target}", cwd=PROJECT, environment=environment)
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
