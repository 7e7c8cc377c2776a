"""Running short commands and waiting for what they cause."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence

from toolchain.failure import Failure


def output(argv: Sequence[str], stdin: str = "") -> str:
    """What the command prints. Raises Failure with its complaint."""
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        complaint = (done.stderr or done.stdout).strip()
        raise Failure(f"{' '.join(argv)}: {complaint or f'ended with {done.returncode}'}")
    return done.stdout


def wait_until(true: Callable[[], bool], what: str, seconds: float) -> None:
    """Return as soon as `true`; raises Failure naming `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise Failure(f"waited {seconds:g} s for {what}")
        time.sleep(0.05)  # polling interval; the deadline decides
