"""The project's Python environment: exact versions with hashes, in the cache; `.venv` is a link to it."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from toolchain.cache import PROJECT, entry, key_of
from toolchain.failure import Failure
from toolchain.progress import run

LINK = PROJECT / ".venv"
REQUIREMENTS = ("requirements.txt", "requirements-dev.txt")


def ensure() -> Path:
    """Make the project's environment if it is not there yet, and point `.venv` to it; returns its directory.

    Raises Failure if Python lacks venv or a package cannot be had.
    """
    directory = of(REQUIREMENTS)
    if LINK.exists() and not LINK.is_symlink():
        raise Failure(f"{LINK} is not ours (it is no link to the cache): move it away")
    fresh = LINK.with_name(".venv.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(directory)
    os.replace(fresh, LINK)
    return directory


def of(requirements: Sequence[str]) -> Path:
    """The environment with exactly these requirements (files of the project, with hashes), made if there is none."""
    base = Path(sys.base_prefix, "bin", "python3").resolve()
    contents = [(PROJECT / name).read_bytes() for name in requirements]
    name = f"{platform.python_version()}-{platform.machine()}-{key_of(*contents, str(base))}"
    return entry("venv", name, lambda part: _make(base, part, requirements))


def _make(base: Path, part: Path, requirements: Sequence[str]) -> None:
    made = subprocess.run([base, "-m", "venv", part], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise Failure(f"Python's venv is missing: apt-get install python3-venv\n{made.stdout.strip()[-500:]}")
    pip = [str(part / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--no-deps"]
    pip += ["--require-hashes", "--only-binary=:all:"]
    for name in requirements:
        pip += ["--requirement", str(PROJECT / name)]
    run(pip, "installing the Python packages (once)")
