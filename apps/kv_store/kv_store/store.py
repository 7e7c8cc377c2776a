"""The store: an append-only log of records and the values read from it.

Many processes may use one file. Under a lock beside the file a writer cuts off what a killed writer left after the
last good record, appends, and returns when the record is on the disk; good records are never moved or rewritten.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from kv_store.lock import exclusive
from kv_store.record import Record, check, check_key, decode, encode

_LOCK_DEADLINE_SECONDS = 10.0


class FullError(Exception):
    """The file has reached its largest allowed size."""


class Store:
    """The key-value store in `path`, safe for many threads and many processes.

    Raises BusyError, FullError or RefusedError as its methods say, and OSError for what the operating system refuses.
    """

    def __init__(self, path: Path, max_bytes: int = 1 << 30) -> None:
        self._path = path
        self._lock_path = path.with_name(path.name + ".lock")
        self._max_bytes = max_bytes
        self._thread_lock = threading.Lock()
        self._values: dict[str, list[str]] = {}
        self._end = 0
        """Where the last good record ends: everything before it is in `_values`."""
        self._identity = (0, 0)
        self._durable_name = (0, 0)
        self.damaged_lines = 0
        """Lines that are complete but not what was written; they are left alone and skipped."""

    def get(self, key: str) -> list[str]:
        """The values of `key` in the order in which they were appended; [] when there are none."""
        check_key(key)
        with self._thread_lock:
            if self._changed_outside():
                with exclusive(self._lock_path, _LOCK_DEADLINE_SECONDS), FileIO(self._path) as file:
                    self._catch_up(file)
            return list(self._values.get(key, ()))

    def append(self, key: str, value: str) -> int:
        """Appends `value` to `key`; returns the number of its values when the new one is on the disk."""
        record = Record(key, value)
        check(record)
        with self._writing() as file:
            line = encode(record)
            if self._end + len(line) > self._max_bytes:
                raise FullError(f"{self._path} would grow over {self._max_bytes} bytes")
            file.truncate(self._end)
            try:
                _write_durably(file, self._end, line)
            except OSError:
                # Not acknowledged, so it must not turn up later as if it had been.
                file.truncate(self._end)
                raise
            self._end += len(line)
            values = self._values.setdefault(key, [])
            values.append(value)
            return len(values)

    def check_writable(self) -> None:
        """Raises what an append would raise now, without appending."""
        with self._writing():
            pass

    @contextmanager
    def _writing(self) -> Generator[FileIO, None, None]:
        with self._thread_lock, exclusive(self._lock_path, _LOCK_DEADLINE_SECONDS):
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
            with FileIO(descriptor, "r+") as file:
                self._catch_up(file)
                if self._durable_name != self._identity:
                    # Whoever made the file may have been killed before its name was on the disk.
                    _sync_directory(self._path.parent)
                    self._durable_name = self._identity
                yield file

    def _changed_outside(self) -> bool:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._forget()
            return False
        return status.st_size != self._end or (status.st_dev, status.st_ino) != self._identity

    def _forget(self) -> None:
        self._values, self._end, self.damaged_lines = {}, 0, 0

    def _catch_up(self, file: FileIO) -> None:
        """Reads what was appended since the last time; a file put in place of the old one from its start."""
        status = os.fstat(file.fileno())
        if (status.st_dev, status.st_ino) != self._identity or status.st_size < self._end:
            self._forget()
            self._identity = (status.st_dev, status.st_ino)
        file.seek(self._end)
        position, skipped = self._end, 0
        for line in file.read().splitlines(keepends=True):
            position += len(line)
            record = decode(line)
            if record is None:
                skipped += 1
                continue
            # Only now is it known that the lines before were damaged and not the torn end of the file.
            self._values.setdefault(record.key, []).append(record.value)
            self.damaged_lines += skipped
            self._end, skipped = position, 0


def _write_durably(file: FileIO, position: int, line: bytes) -> None:
    """Returns when all of `line` is on the disk; unbuffered, so `close` has nothing left to write after an error."""
    file.seek(position)
    rest = memoryview(line)
    while rest:
        rest = rest[file.write(rest) :]
    os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    """Makes the new name of a file durable, where directories can be synced (not on Windows)."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
