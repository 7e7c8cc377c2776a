"""Traffic beside whatever else a program does: the engine in a process of its own, and what it saw.

with Traffic(Plan("10.77.0.100")) as traffic:
...                                   # a fault
assert traffic.seen.losses == []
"""

from __future__ import annotations

import json
import os
import resource
import select
import subprocess
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Self, TypedDict, cast

from bench.clients.engine import Answer, Engine, Loss, Outcome, Plan

PROJECT = Path(__file__).resolve().parents[2]
_OPEN_FILES = 65_536
_START_SECONDS = 20


class _Wire(TypedDict):
    answers: list[tuple[float, float, str]]
    losses: list[tuple[float, float, str]]
    late_seconds: float


@dataclass(frozen=True)
class Seen:
    """What the client saw from its first to its last request, in the order of the answers."""

    answers: tuple[Answer, ...]
    losses: tuple[Loss, ...]
    late_seconds: float

    @property
    def sent(self) -> int:
        """How many requests were made."""
        return len(self.answers) + len(self.losses)

    @property
    def servers(self) -> Counter[str]:
        """Answers per server; "" is one that does not say its name."""
        return Counter(answer.server for answer in self.answers)

    @property
    def reasons(self) -> Counter[str]:
        """Losses per reason."""
        return Counter(loss.reason for loss in self.losses)

    def longest_gap_seconds(self, since: float = 0) -> float:
        """The longest time without an answer that ended after `since` (monotonic clock)."""
        done = [answer.done for answer in self.answers]
        return max((later - earlier for earlier, later in pairwise(done) if later > since), default=0)


class Traffic:
    """Makes the requests of a plan while the block runs; `seen` afterwards."""

    seen: Seen

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "bench.clients.traffic", json.dumps(asdict(self._plan))]
        self._process = subprocess.Popen(
            command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, process_group=0
        )
        assert self._process.stdout is not None
        readable, _, _ = select.select([self._process.stdout], [], [], _START_SECONDS)
        if not readable or self._process.stdout.readline() != "started\n":
            self._process.kill()
            self._process.communicate()
            raise RuntimeError(f"the client for {self._plan} did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The end of its input is the client's sign to stop; its output is everything it saw.
        text, _ = self._process.communicate(timeout=self._plan.timeout_seconds + _START_SECONDS)
        wire = cast("_Wire", json.loads(text))
        answers = sorted((Answer(*entry) for entry in wire["answers"]), key=lambda answer: answer.done)
        self.seen = Seen(tuple(answers), tuple(Loss(*entry) for entry in wire["losses"]), wire["late_seconds"])


def _wire(outcome: Outcome) -> _Wire:
    return {
        "answers": [(answer.sent, answer.done, answer.server) for answer in outcome.answers],
        "losses": [(loss.sent, loss.ended, loss.reason) for loss in outcome.losses],
        "late_seconds": outcome.late_seconds,
    }


def main() -> None:
    """The process behind `Traffic`: a plan as argument, runs until its input ends, prints what it saw."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(_OPEN_FILES, hard), hard))
    if os.geteuid() == 0:
        # A client that waits for its turn on the processor would count that as an outage.
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    poll = select.poll()
    poll.register(sys.stdin, select.POLLIN | select.POLLHUP)
    engine = Engine(Plan(**json.loads(sys.argv[1])))
    print("started", flush=True)
    json.dump(_wire(engine.run(stopping=lambda: bool(poll.poll(0)))), sys.stdout)


if __name__ == "__main__":
    main()
