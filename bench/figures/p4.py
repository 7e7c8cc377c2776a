"""P4: one host of five is down: what that costs the others, and how it is told."""

from __future__ import annotations

from statistics import median

from bench.comparison import OURS, Measured, Tool, in_turns, seconds
from bench.context import Bench
from bench.provisioning import HOSTS
from bench.result import Result
from bench.stack import succeeded
from toolchain.failure import Failure

GOAL_SECONDS = 10.0
_DEAD = HOSTS[4]


def measure(bench: Bench) -> Result:
    """Changes a file on every host while one is off: the four others are done, the fifth is one clear error."""
    comparison = bench.converged()
    hosts = comparison.fleet.hosts
    errors: list[str] = []

    def one(tool: Tool) -> Measured:
        comparison.revision.update({name: comparison.revision.get(name, 0) + 1 for name in HOSTS})
        measured = comparison.watched(tool)
        comparison.check(tool, HOSTS[:-1])
        if measured.run.status == 0:
            raise Failure(f"{_DEAD} is off, but for {tool.name} that is no error:\n{measured.run.text[-3000:]}")
        if tool.name == OURS:
            errors[:] = [line.strip() for line in measured.run.text.splitlines() if "error:" in line and _DEAD in line]
        return measured

    hosts.kill(_DEAD)
    try:
        measured = in_turns(comparison.tools, one)
    finally:
        hosts.start(_DEAD)
        succeeded(comparison.fleet.up())
    series = seconds(measured)
    value = max(series[OURS])
    return Result(
        id="P4",
        title="one host of five down, the others changed",
        unit="s",
        value=value,
        goal=f"the others done, one clear error within {GOAL_SECONDS:g} s",
        met=value <= GOAL_SECONDS and bool(errors),
        trials=series[OURS],
        peers={name: median(trials) for name, trials in series.items() if name != OURS},
        series=series,
        notes=(f"{len(errors)} error line(s); the first: {errors[0][:200] if errors else 'none'}",),
    )
