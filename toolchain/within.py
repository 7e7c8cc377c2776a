"""Runs a command with the project's tools first on PATH and nothing else set."""

from __future__ import annotations

import os
import sys

from toolchain.cache import PROJECT
from toolchain.environment import activated_path


def main() -> None:
    """Become the command."""
    os.chdir(PROJECT)
    os.environ["PATH"] = activated_path()
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
