"""Every command line and every environment of the machine while a block runs, the hosts' processes included."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType
from typing import Self

_INTERVAL_SECONDS = 0.02
_LOOKS = 10


class ProcessList:
    """What `ps` could have shown to anybody; a process shorter than the interval may be missed."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="processes")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        looks: dict[str, int] = {}
        while not self._stop.wait(_INTERVAL_SECONDS):
            running = [entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit()]
            looks = {process: looks.get(process, 0) + 1 for process in running}
            for process in running:
                # A new process becomes another program soon after its start, so the first looks are repeated.
                if looks[process] <= _LOOKS:
                    self._look(process)

    def _look(self, process: str) -> None:
        for name in ("cmdline", "environ"):
            try:
                self.seen.add(Path("/proc", process, name).read_bytes())
            except OSError:
                # It ended in between.
                return
