"""P2: the first apply of the same items on fresh hosts, packages from the lab's own archive."""

from __future__ import annotations

from statistics import median

from bench.comparison import OURS, Comparison, Measured, Tool, cost, in_turns, seconds
from bench.context import Bench
from bench.provisioning import HOSTS, ITEMS
from bench.result import Result

GOAL_SHARE_OF_PYINFRA = 1 / 2


def measure(bench: Bench) -> Result:
    """Every run meets hosts that were switched on for the first time; ours comes last and leaves them to P1."""
    fleet = bench.fleet

    def one(tool: Tool) -> Measured:
        fleet.renew()
        comparison = Comparison(fleet)
        return comparison.measured(comparison.tool(tool.name))

    tools = Comparison(fleet).tools
    measured = in_turns([*tools[1:], tools[0]], one)
    series = {tool.name: seconds(measured)[tool.name] for tool in tools}
    medians = {name: median(trials) for name, trials in series.items()}
    value = medians[OURS]
    return Result(
        id="P2",
        title=f"first apply on {len(HOSTS)} fresh hosts x {ITEMS} items",
        unit="s",
        value=value,
        goal="<= 1/2 of pyinfra",
        met=value <= medians["pyinfra"] * GOAL_SHARE_OF_PYINFRA,
        trials=series[OURS],
        peers={name: seconds for name, seconds in medians.items() if name != OURS},
        series=series,
        notes=cost(measured, len(HOSTS)),
    )
