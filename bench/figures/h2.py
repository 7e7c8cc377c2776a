"""H2: how long the virtual IP is away when the balancer is stopped on purpose."""

from __future__ import annotations

from bench.context import Bench
from bench.figures.failover import gaps_milliseconds, outages, own_delay_note
from bench.front import Platform
from bench.result import Result, percentile

TRIALS = 20
GOAL_MILLISECONDS = 60


def keepalived(platform: Platform, host: str, verb: str) -> None:
    """`systemctl <verb> keepalived` on the host."""
    platform.hosts.run(host, "systemctl", verb, "keepalived.service")


def measure(bench: Bench) -> Result:
    """Stops keepalived on the holder, 20 times: the first thing that happens there when the host is shut down."""
    seen = outages(
        bench.platform,
        TRIALS,
        go=lambda platform, holder: keepalived(platform, holder, "stop"),
        back=lambda platform, holder: keepalived(platform, holder, "start"),
    )
    trials = gaps_milliseconds(seen)
    value = percentile(trials, 95)
    return Result(
        id="H2",
        title="virtual IP away, planned stop of the balancer (p95)",
        unit="ms",
        value=value,
        goal=f"p95 <= {GOAL_MILLISECONDS} ms",
        met=value <= GOAL_MILLISECONDS,
        trials=trials,
        peers={"keepalived 2.2.7 alone, published figure": 51},
        notes=(own_delay_note(seen),),
    )
