"""P3: what one changed file on one host costs, and what it touches there."""

from __future__ import annotations

from statistics import median

from bench.comparison import OURS, Measured, Tool, cost, in_turns, seconds
from bench.context import Bench
from bench.fleet import items
from bench.hosts import LabHosts
from bench.provisioning import HOSTS
from bench.result import Result
from toolchain.failure import Failure

GOAL_MORE_SECONDS = 1.0
_HOST = HOSTS[2]
_FILES = ("find", "/etc/bench", "-type", "f", "-printf", "%p %T@\\n")
_UNITS = tuple(service for number in range(items.PARTS) if (service := items.part(number, 0).service))
_EXPECTED = [items.CHANGING, _UNITS[0]]


def measure(bench: Bench) -> Result:
    """Each tool in turns with a new revision of one file; before ours a run without, on the same machine."""
    comparison = bench.converged()
    ours = comparison.tool(OURS)
    without: list[float] = []

    def one(tool: Tool) -> Measured:
        if tool is ours:
            without.append(comparison.measured(tool).run.seconds)
        comparison.revision[_HOST] = comparison.revision.get(_HOST, 0) + 1
        before = _state(comparison.fleet.hosts)
        measured = comparison.measured(tool)
        touched = sorted(key for key, value in _state(comparison.fleet.hosts).items() if before[key] != value)
        if touched != _EXPECTED:
            raise Failure(f"{tool.name} touched {touched}, expected is {_EXPECTED}")
        return measured

    measured = in_turns(comparison.tools, one)
    series = seconds(measured)
    medians = {name: median(trials) for name, trials in series.items()}
    base = round(median(without), 2)
    return Result(
        id="P3",
        title="one file changed on one host",
        unit="s",
        value=medians[OURS],
        goal=f"P1 + {GOAL_MORE_SECONDS:g} s; only that file and its unit touched",
        met=medians[OURS] <= base + GOAL_MORE_SECONDS,
        trials=series[OURS],
        peers={**{name: value for name, value in medians.items() if name != OURS}, "ours without a change": base},
        series=series,
        notes=(f"touched by each of them: {items.CHANGING}, {_UNITS[0]} restarted", *cost(measured, len(HOSTS))),
    )


def _state(hosts: LabHosts) -> dict[str, str]:
    """Every file's time of change and every service's invocation, on the changed host."""
    files = dict(line.rsplit(" ", 1) for line in hosts.run(_HOST, *_FILES).splitlines())
    shown = hosts.run(_HOST, "systemctl", "show", "--value", "--property=InvocationID", *_UNITS)
    return {**files, **dict(zip(_UNITS, shown.split(), strict=True))}
