"""Progress of steps that take longer than a moment: one live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from toolchain.failure import Failure

QUIET_SECONDS = 2.0
"""A step that ends sooner says nothing outside a terminal."""
ERROR_LINES = 20


class Step:
    """A running step; `detail` is what it does at the moment."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.detail = ""
        self._started = time.monotonic()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._show, daemon=True)
        self._thread.start()

    @property
    def seconds(self) -> float:
        """How long the step has been running."""
        return time.monotonic() - self._started

    def finish(self, outcome: str) -> None:
        """End the step and leave its last line behind."""
        self._done.set()
        self._thread.join()
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
        if sys.stderr.isatty() or self.seconds > QUIET_SECONDS:
            print(f"{outcome} {self.title} ({self.seconds:.1f} s)", file=sys.stderr, flush=True)

    def _show(self) -> None:
        if not sys.stderr.isatty():
            if not self._done.wait(QUIET_SECONDS):
                print(f"… {self.title}", file=sys.stderr, flush=True)
            return
        while not self._done.wait(0.2):
            columns = shutil.get_terminal_size().columns
            line = f"… {self.title} ({self.seconds:.0f} s) {self.detail}"
            sys.stderr.write("\r\x1b[K" + line[: columns - 1])
            sys.stderr.flush()


@contextmanager
def step(title: str) -> Generator[Step]:
    """Show that `title` is going on until the block ends."""
    current = Step(title)
    try:
        yield current
    except BaseException:
        current.finish("✗")
        raise
    current.finish("✓")


def run(
    argv: Sequence[str], title: str, *, cwd: Path | None = None, environment: Mapping[str, str] | None = None
) -> None:
    """Run a command with its last output line as progress. Raises Failure with the last lines of its output."""
    with step(title) as current:
        last: deque[str] = deque(maxlen=ERROR_LINES)
        process = subprocess.Popen(
            argv,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if line.strip():
                    current.detail = line.strip()
                    last.append(line.rstrip())
        finally:
            process.stdout.close()
            status = process.wait()
        if status != 0:
            raise Failure(f"{title}: {argv[0]} ended with {status}\n" + "\n".join(last))
