"""H1: how long the virtual IP is away when the host of the balancer dies (its link is cut)."""

from __future__ import annotations

from bench.context import Bench
from bench.figures.failover import gaps_milliseconds, outages, own_delay_note
from bench.result import Result, percentile

TRIALS = 20
GOAL_MILLISECONDS = 400


def measure(bench: Bench) -> Result:
    """Cuts the holder's link, 20 times."""
    seen = outages(
        bench.platform,
        TRIALS,
        go=lambda platform, holder: platform.hosts.cut(holder),
        back=lambda platform, holder: platform.hosts.heal(holder),
    )
    trials = gaps_milliseconds(seen)
    value = percentile(trials, 95)
    return Result(
        id="H1",
        title="virtual IP away, host of the balancer dies (p95)",
        unit="ms",
        value=value,
        goal=f"p95 <= {GOAL_MILLISECONDS} ms",
        met=value <= GOAL_MILLISECONDS,
        trials=trials,
        peers={"keepalived 2.2.7 alone, published figure": 356},
        notes=(own_delay_note(seen),),
    )
