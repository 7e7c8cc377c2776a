"""A process and its descendants while they run: who they are, when they lived, what processor time they took."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path
from time import clock_gettime
from types import TracebackType
from typing import Self

_INTERVAL_SECONDS = 0.01
_TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")


@dataclass
class Relative:
    """One process. Times are of the machine's clock since its boot, in seconds; `cpu_seconds` are its own alone."""

    process: int
    parent: int
    command: tuple[str, ...]
    begin: float
    end: float
    cpu_seconds: float = 0


class Family:
    """Looks every 10 ms; a process that lives shorter may be missed, and the last 10 ms of every one are."""

    def __init__(self, root: int) -> None:
        self.seen: dict[int, Relative] = {}
        self._root = root
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="family")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def find(self, *words: str) -> list[Relative]:
        """Whose command line holds all of these words, by the time of their begin."""
        found = [one for one in self.seen.values() if all(any(word in part for part in one.command) for word in words)]
        return sorted(found, key=lambda one: one.begin)

    def _run(self) -> None:
        while not self._stop.wait(_INTERVAL_SECONDS):
            waiting = [(self._root, 0)]
            while waiting:
                process, parent = waiting.pop()
                try:
                    self._look(process, parent)
                    waiting += [(child, process) for child in _children(process)]
                except OSError:
                    # It ended in between.
                    continue

    def _look(self, process: int, parent: int) -> None:
        begin, cpu_seconds = _times(Path("/proc", str(process), "stat").read_text())
        # A process becomes another program soon after its start.
        command = Path("/proc", str(process), "cmdline").read_bytes().decode(errors="replace").rstrip("\0")
        one = self.seen.setdefault(process, Relative(process, parent, (), begin, begin))
        one.command = tuple(command.split("\0")) if command else one.command
        one.end, one.cpu_seconds = now(), cpu_seconds


def now() -> float:
    """The clock in which the kernel tells when a process began."""
    # CLOCK_BOOTTIME; the constant is missing from the types of some platforms.
    return clock_gettime(7)


def cpu_seconds_below(roots: set[int]) -> float:
    """The processor time of everything that ran below these processes, reaped children included, since they began."""
    total = 0.0
    waiting = list(roots)
    while waiting:
        process = waiting.pop()
        try:
            fields = _fields(Path("/proc", str(process), "stat").read_text())
            waiting += _children(process)
        except OSError:
            continue
        total += sum(map(int, fields[11:15])) * _TICK_SECONDS
    return total


def _children(process: int) -> list[int]:
    return [
        int(child)
        for task in Path("/proc", str(process), "task").iterdir()
        for child in (task / "children").read_text().split()
    ]


def _times(stat: str) -> tuple[float, float]:
    fields = _fields(stat)
    return int(fields[19]) * _TICK_SECONDS, (int(fields[11]) + int(fields[12])) * _TICK_SECONDS


def _fields(stat: str) -> list[str]:
    """The fields from the state on; the command before it may hold anything."""
    return stat[stat.rindex(")") + 2 :].split()
