"""What H1 and H2 share: the balancer that holds the virtual IP goes, the client counts how long nobody answers."""

from __future__ import annotations

from collections.abc import Callable

from bench.clients.holders import Holders
from bench.clients.traffic import Seen, Traffic
from bench.front import HEALTH_PATH, Platform, holder_at_rest
from bench.schedule import pause
from lab.shell import wait_until

PROBES_PER_SECOND = 1000
"""A new connection every millisecond, answered by the balancer itself. An ICMP echo would be cheaper, but it is the
kernel that answers it: an address whose balancer does not serve would count as well."""
_BEFORE_SECONDS = 0.5
_AFTER_SECONDS = 1.0
_TAKEN_OVER_SECONDS = 15


def outages(
    platform: Platform, trials: int, go: Callable[[Platform, str], None], back: Callable[[Platform, str], None]
) -> list[Seen]:
    """Per trial what the client saw while `go` took the holder away; `back` brings it back before the next one."""
    seen: list[Seen] = []
    with platform.holders() as holders:
        for _ in range(trials):
            holder = holder_at_rest(holders)
            with Traffic(platform.front(PROBES_PER_SECOND, HEALTH_PATH, timeout_seconds=1)) as traffic:
                pause(_BEFORE_SECONDS)
                try:
                    go(platform, holder)
                    _await_other(holders, holder)
                    pause(_AFTER_SECONDS)
                finally:
                    back(platform, holder)
            seen.append(traffic.seen)
    return seen


def _await_other(holders: Holders, old: str) -> None:
    wait_until(lambda: bool(holders.now - {old}), f"another host to take over from {old}", _TAKEN_OVER_SECONDS)


def gaps_milliseconds(seen: list[Seen]) -> tuple[float, ...]:
    """The longest time without an answer of each trial."""
    return tuple(round(one.longest_gap_seconds() * 1000, 1) for one in seen)


def own_delay_note(seen: list[Seen]) -> str:
    """How much of a gap may be the client's own."""
    return f"the client itself was at most {max(one.late_seconds for one in seen) * 1000:.0f} ms late"
