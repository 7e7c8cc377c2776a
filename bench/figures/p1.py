"""P1: what it costs to find out that nothing has to change on five hosts with fifty items each."""

from __future__ import annotations

from statistics import median

from bench.comparison import OURS, Measured, Tool, cost, in_turns, seconds
from bench.context import Bench
from bench.provisioning import HOSTS, ITEMS
from bench.result import Result
from toolchain.failure import Failure

GOAL_SECONDS = 3.0
GOAL_SHARE_OF_PYINFRA = 1 / 3


def measure(bench: Bench) -> Result:
    """Each tool once to get used to the hosts, then three times; nothing may change, by its own word."""
    comparison = bench.converged()
    for tool in comparison.tools:
        comparison.measured(tool)

    def one(tool: Tool) -> Measured:
        measured = comparison.measured(tool)
        if tool.changes(measured.run):
            raise Failure(f"{tool.name} changed something although nothing should:\n{measured.run.text[-3000:]}")
        return measured

    measured = in_turns(comparison.tools, one)
    series = seconds(measured)
    medians = {name: median(trials) for name, trials in series.items()}
    value = medians[OURS]
    return Result(
        id="P1",
        title=f"nothing to change, verified on {len(HOSTS)} hosts x {ITEMS} items",
        unit="s",
        value=value,
        goal=f"<= {GOAL_SECONDS:g} s, <= 1/3 of pyinfra",
        met=value <= GOAL_SECONDS and value <= medians["pyinfra"] * GOAL_SHARE_OF_PYINFRA,
        trials=series[OURS],
        peers={name: seconds for name, seconds in medians.items() if name != OURS},
        series=series,
        notes=cost(measured, len(HOSTS)),
    )
