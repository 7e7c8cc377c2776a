"""One process at a time over a file, on every operating system."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Generator
from pathlib import Path

_RETRY_SECONDS = 0.005

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        os.lseek(descriptor, 0, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


class BusyError(Exception):
    """Another process held the lock for longer than the deadline."""


@contextlib.contextmanager
def exclusive(path: Path, deadline_seconds: float) -> Generator[None, None, None]:
    """Holds the lock file `path` for the block. The system frees it when the process dies, however it dies.

    Raises BusyError after `deadline_seconds`, and OSError when the lock file cannot be made.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        end = time.monotonic() + deadline_seconds
        while not _try_lock(descriptor):
            if time.monotonic() >= end:
                raise BusyError(f"{path} is held by another process for more than {deadline_seconds:g} s")
            # There is no portable lock with a deadline, so it is asked for again.
            time.sleep(_RETRY_SECONDS)
        try:
            yield
        finally:
            _unlock(descriptor)
    finally:
        os.close(descriptor)
