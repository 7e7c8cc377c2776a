"""P3: what one changed file on one host costs, and what it touches there."""

from __future__ import annotations

from statistics import median

from bench.context import Bench
from bench.fleet import items
from bench.hosts import LabHosts
from bench.provisioning import HOSTS
from bench.result import Result
from bench.stack import succeeded
from toolchain.failure import Failure

TRIALS = 5
GOAL_MORE_SECONDS = 1.0
_HOST = HOSTS[2]
_FILES = ("find", "/etc/bench", "-type", "f", "-printf", "%p %T@\\n")
_UNITS = tuple(items.unit(part) for part in range(items.SERVICES))


def measure(bench: Bench) -> Result:
    """Alternates `up --refresh` without and with a change, so that both are measured on the same machine."""
    fleet = bench.provisioning
    trials: list[float] = []
    without: list[float] = []
    for revision in range(1, TRIALS + 1):
        without.append(succeeded(fleet.up()).seconds)
        fleet.revise({_HOST: revision})
        before = _state(fleet.hosts)
        run = succeeded(fleet.up())
        trials.append(round(run.seconds, 2))
        touched = sorted(key for key, value in _state(fleet.hosts).items() if before[key] != value)
        expected = [items.changing_file(0), items.unit(0)]
        if run.changes.get("updated") != 1 or touched != expected:
            raise Failure(f"expected one update that touches {expected}, got {run.changes} and {touched}")
    value = median(trials)
    base = median(without)
    return Result(
        id="P3",
        title="one file changed on one host",
        unit="s",
        value=value,
        goal=f"P1 + {GOAL_MORE_SECONDS:g} s; only that file and its unit touched",
        met=value <= base + GOAL_MORE_SECONDS,
        trials=tuple(trials),
        peers={"nothing changed, in the same run (s)": round(base, 2)},
        notes=(f"touched: {items.changing_file(0)}, {items.unit(0)} restarted, nothing else",),
    )


def _state(hosts: LabHosts) -> dict[str, str]:
    """Every file's time of change and every service's invocation, on the changed host."""
    files = dict(line.rsplit(" ", 1) for line in hosts.run(_HOST, *_FILES).splitlines())
    shown = hosts.run(_HOST, "systemctl", "show", "--value", "--property=InvocationID", *_UNITS)
    return {**files, **dict(zip(_UNITS, shown.split(), strict=True))}
