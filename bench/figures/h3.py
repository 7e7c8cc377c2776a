"""H3: how long the virtual IP has no holder or two, whatever dies."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from bench.clients.holders import INTERVAL_SECONDS, Holders
from bench.context import Bench
from bench.front import Platform, holder_at_rest
from bench.result import Result
from bench.schedule import pause
from lab.shell import wait_until

GOAL_SECONDS = 1.0
ROUNDS = 2
_WATCH_SECONDS = 3.0
_PARTITION_SECONDS = 4.0
_HEAL_SECONDS = 30

Fault = Callable[[Platform, str], None]

_BARRIER = (
    "table ip bench_partition {\n"
    " chain input { type filter hook input priority -300; meta l4proto 112 drop; }\n"
    " chain output { type filter hook output priority -300; meta l4proto 112 drop; }\n"
    "}\n"
)


def _systemctl(*argv: str) -> Fault:
    def on(platform: Platform, host: str) -> None:
        platform.hosts.run(host, "systemctl", *argv)

    return on


def _kill(unit: str) -> Fault:
    """SIGKILL of every process of a unit at once."""
    return _systemctl("kill", "--signal=SIGKILL", "--kill-whom=all", unit)


def _serve(platform: Platform, host: str) -> None:
    """Both daemons run again, whatever state the fault left them in."""
    platform.hosts.run(host, "systemctl", "reset-failed", "haproxy.service", "keepalived.service")
    platform.hosts.run(host, "systemctl", "start", "haproxy.service", "keepalived.service")


FAULTS: dict[str, tuple[Fault, Fault]] = {
    "keepalived SIGKILL": (_kill("keepalived.service"), _serve),
    "haproxy SIGKILL": (_kill("haproxy.service"), _serve),
    "haproxy stopped": (_systemctl("stop", "haproxy.service"), _serve),
    "keepalived stopped": (_systemctl("stop", "keepalived.service"), _serve),
    "carrier lost": (lambda platform, host: platform.hosts.cut(host), lambda platform, host: platform.hosts.heal(host)),
    "host dead": (lambda platform, host: platform.hosts.kill(host), lambda platform, host: platform.hosts.start(host)),
    "host rebooted": (lambda platform, host: platform.hosts.reboot(host), _serve),
}
"""Name → what happens to the holder, and what brings it back."""


def measure(bench: Bench) -> Result:
    """Every fault on the holder of the moment, twice, and one partition that leaves both links up."""
    platform = bench.platform
    trials: list[float] = []
    peers: dict[str, float] = {}
    with platform.holders() as holders:
        for name, (fault, repair) in FAULTS.items():
            for _ in range(ROUNDS):
                for count, seconds in _under(platform, holders, fault, repair).items():
                    label = f"{name}: {count} holders, longest (s)"
                    peers[label] = max(peers.get(label, 0), round(seconds, 2))
                    trials.append(round(seconds, 2))
        partition = _partition(platform, holders)
        samples = holders.count
    worst = max(trials, default=0)
    healed = partition <= GOAL_SECONDS
    return Result(
        id="H3",
        title="virtual IP with no holder or two (worst)",
        unit="s",
        value=worst,
        goal=f"<= {GOAL_SECONDS:g} s for what is dead; a partition heals within {GOAL_SECONDS:g} s of its end",
        met=worst <= GOAL_SECONDS and healed,
        trials=tuple(trials),
        peers={**peers, "partition with both links up: two holders after its end (s)": round(partition, 2)},
        notes=(f"{samples} samples of every balancer host, one each {INTERVAL_SECONDS * 1000:.0f} ms",),
    )


def _under(platform: Platform, holders: Holders, fault: Fault, repair: Fault) -> dict[int, float]:
    holder = holder_at_rest(holders)
    begin = monotonic()
    try:
        fault(platform, holder)
        pause(_WATCH_SECONDS)
    finally:
        repair(platform, holder)
    # The return of the host is part of the fault: it may hold the address for a moment as well.
    holder_at_rest(holders)
    return dict(holders.worst(since=begin)) or {0: 0.0}


def _partition(platform: Platform, holders: Holders) -> float:
    """No advert passes in either direction although both links are up; returns how long two hold it after the end."""
    holder = holder_at_rest(holders)
    platform.hosts.run(holder, "nft", "-f", "-", stdin=_BARRIER)
    try:
        wait_until(lambda: len(holders.now) == 2, "both sides of the partition to hold the address", 15)
        pause(_PARTITION_SECONDS)
    finally:
        platform.hosts.run(holder, "nft", "delete", "table", "ip", "bench_partition")
    healed = monotonic()
    wait_until(lambda: len(holders.now) == 1, "one holder after the partition", _HEAL_SECONDS)
    return max(0.0, holders.spans[-1].begin - healed)
