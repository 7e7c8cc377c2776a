"""H5: requests lost while the platform itself is updated, under 500 requests per second."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.clients.traffic import Seen, Traffic
from bench.context import Bench
from bench.front import Platform, holder_at_rest
from bench.result import Result
from bench.schedule import pause
from bench.stack import Run, Stack

RATE = 500
_LEAD_SECONDS = 1.0


def measure(bench: Bench) -> Result:
    """Rolls every web instance (the hosts swap their labels) and both balancers (another algorithm), there and back."""
    platform = bench.platform
    with platform.holders() as holders, TemporaryDirectory() as folder:
        holder_at_rest(holders)
        changed = Path(folder) / "Pulumi.changed.yaml"
        platform.stack.write_changed(changed, _changes(platform.stack))
        try:
            there, first = _roll(platform, "--config-file", str(changed))
        finally:
            back, second = _roll(platform)
        moved = len(holders.spans) - 1
    losses = (*there.losses, *back.losses)
    reasons = there.reasons + back.reasons
    return Result(
        id="H5",
        title="requests lost in rolling updates of the web servers and the balancers",
        unit="requests",
        value=len(losses),
        goal=f"0 of {RATE} requests/s",
        met=not losses,
        trials=(float(len(there.losses)), float(len(back.losses))),
        peers={
            "requests": there.sent + back.sent,
            "roles updated": first.changes.get("updated", 0) + second.changes.get("updated", 0),
            "longest gap (ms)": round(max(seen.longest_gap_seconds() for seen in (there, back)) * 1000, 1),
            "update there (s)": round(first.seconds, 1),
            "update back (s)": round(second.seconds, 1),
            "address moved": moved,
        },
        notes=tuple(f"{count} lost: {reason}" for reason, count in reasons.items()),
    )


def _roll(platform: Platform, *argv: str) -> tuple[Seen, Run]:
    with Traffic(platform.front(RATE)) as traffic:
        pause(_LEAD_SECONDS)
        run = platform.stack.up(*argv)
        pause(_LEAD_SECONDS)
    return traffic.seen, run


def _changes(stack: Stack) -> dict[str, str]:
    """Two changes of the configuration that restart every web instance and reload both balancers."""
    hosts: list[str] = json.loads(stack.configured("web_servers.hosts"))
    algorithm = stack.configured("load_balancer.algorithm")
    changes = {f"web_servers.hosts[{place}]": host for place, host in enumerate(reversed(hosts))}
    return changes | {
        "load_balancer.algorithm": "round_robin" if algorithm == "least_connections" else "least_connections"
    }
