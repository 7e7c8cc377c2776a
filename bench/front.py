"""The running platform of the stack `lab`: its addresses, its hosts by duty, and when it is at rest."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import cast

from bench.clients.engine import Plan
from bench.clients.holders import Holders
from bench.hosts import LabHosts
from bench.stack import Stack
from lab.shell import wait_until
from toolchain.failure import Failure

REST_SECONDS = 7.0
"""One holder for so long is one that stays: longer than the preemption delay of the lab's stack (5 s)."""
HEALTH_PATH = "/healthz"
"""Answered by the balancer itself."""


class Platform:
    """What the figures of the web front are measured on."""

    def __init__(self) -> None:
        self.hosts = LabHosts()
        self.stack = Stack()
        self.virtual_ip = self.stack.text_output("virtual_ip")

    def with_duty(self, duty: str) -> tuple[str, ...]:
        """The hosts that do `duty` (`balancer`, `web`, `key-value`). Raises Failure when there are none."""
        summary = cast("Mapping[str, Mapping[str, list[str]]]", self.stack.outputs.get("hosts", {}))
        names = tuple(name for name, entry in summary.items() if duty in entry["duties"])
        if not names:
            raise Failure(f"no host of the stack has the duty {duty!r}")
        return names

    def holders(self) -> Holders:
        """A sampler of who holds the virtual IP, on all balancer hosts."""
        return Holders(self.virtual_ip, self.with_duty("balancer"), self.hosts.init_of)

    def front(self, rate: float, path: str = "/", timeout_seconds: float = 3) -> Plan:
        """Requests to the virtual IP."""
        return Plan(self.virtual_ip, path=path, rate=rate, timeout_seconds=timeout_seconds)


def holder_at_rest(holders: Holders, seconds: float = 90) -> str:
    """The host that has held the address alone for REST_SECONDS. Raises Failure when that does not happen in time."""

    def at_rest() -> bool:
        spans = holders.spans
        return bool(spans) and len(spans[-1].holders) == 1 and monotonic() - spans[-1].begin >= REST_SECONDS

    wait_until(at_rest, "one host to hold the virtual IP for good", seconds)
    (holder,) = holders.now
    return holder
