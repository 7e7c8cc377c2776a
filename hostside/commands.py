"""Runs commands: no shell, a known environment, an end after a deadline."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import NamedTuple

_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
}


class Answer(NamedTuple):
    """What a command said. Status 124 means its time was over, 127 that it is not there."""

    status: int
    stdout: str
    stderr: str

    @property
    def text(self) -> str:
        """Both streams, trimmed."""
        return "\n".join(part for part in (self.stdout.strip(), self.stderr.strip()) if part)


def execute(
    argv: Sequence[str], timeout: float, stdin: str = "", environment: Mapping[str, str] | None = None
) -> Answer:
    """Runs a command without a shell in a session of its own; ends all of it when its time is over."""
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**_ENVIRONMENT, **(environment or {})},
            cwd="/",
            start_new_session=True,
        )
    except FileNotFoundError:
        return Answer(127, "", f"{argv[0]}: not found")
    except PermissionError:
        return Answer(126, "", f"{argv[0]}: not executable")
    status = None
    try:
        out, err = process.communicate(stdin.encode() if stdin else None, timeout)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        status, err = 124, err + f"\nno end after {timeout:g} s".encode()
    return Answer(
        process.returncode if status is None else status,
        out.decode("utf-8", "replace"),
        err.decode("utf-8", "replace"),
    )
