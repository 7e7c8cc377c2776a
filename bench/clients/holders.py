"""Who holds the virtual IP, sampled from outside the hosts.

`/proc/<pid>/net` is the network of the process: reading it for a host's PID 1 needs nothing inside the host, goes on
while the host is cut off, and keeps nothing of a dead host alive.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Self

INTERVAL_SECONDS = 0.05
"""GOALS H3."""
_LOOK_AGAIN_SECONDS = 0.3

InitOf = Callable[[str], int | None]
"""The process number of a host's PID 1, None while the host is off."""


def holds(process: int, address: str) -> bool:
    """Whether the network of `process` has `address` (IPv4) as its own. Raises OSError when the process is gone."""
    table = Path(f"/proc/{process}/net/fib_trie").read_text()
    return re.search(rf"-- {re.escape(address)}\n\s+/32 host LOCAL", table) is not None


@dataclass(frozen=True)
class Span:
    """A time during which the same hosts held the address."""

    holders: frozenset[str]
    begin: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it was so."""
        return self.end - self.begin


class Holders:
    """Samples every host while the block runs; `spans` afterwards, or so far."""

    def __init__(self, address: str, hosts: tuple[str, ...], init_of: InitOf) -> None:
        self._address = address
        self._hosts = hosts
        self._init_of = init_of
        self._samples: list[tuple[float, frozenset[str]]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="holders")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def now(self) -> frozenset[str]:
        """The hosts that held the address at the last sample."""
        return self._samples[-1][1] if self._samples else frozenset()

    @property
    def count(self) -> int:
        """How many samples were taken."""
        return len(self._samples)

    @property
    def spans(self) -> list[Span]:
        """The samples, joined as long as the holders are the same; a span lasts until the next one begins."""
        joined: list[Span] = []
        for moment, holders in list(self._samples):
            if joined:
                last = joined[-1]
                joined[-1] = Span(last.holders, last.begin, moment)
            if not joined or joined[-1].holders != holders:
                joined.append(Span(holders, moment, moment))
        return joined

    def worst(self, since: float = 0) -> Mapping[int, float]:
        """Number of holders other than one → the longest time it was so, in seconds, counting from `since`."""
        longest: dict[int, float] = {}
        for span in self.spans:
            if len(span.holders) != 1 and span.end > since:
                longest[len(span.holders)] = max(longest.get(len(span.holders), 0.0), span.seconds)
        return longest

    def _run(self) -> None:
        processes: dict[str, int | None] = dict.fromkeys(self._hosts)
        looked = dict.fromkeys(self._hosts, 0.0)
        while not self._stop.wait(INTERVAL_SECONDS):
            holding: set[str] = set()
            for host in self._hosts:
                if processes[host] is None and monotonic() - looked[host] > _LOOK_AGAIN_SECONDS:
                    processes[host], looked[host] = self._init_of(host), monotonic()
                process = processes[host]
                try:
                    if process is not None and holds(process, self._address):
                        holding.add(host)
                except OSError:
                    processes[host] = None
            self._samples.append((monotonic(), frozenset(holding)))
