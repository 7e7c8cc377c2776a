"""P5: how a run that changes nothing grows with the number of hosts and of items."""

from __future__ import annotations

from statistics import median
from time import time

from bench.context import Bench
from bench.fleet import items
from bench.provisioning import HOSTS, ITEMS, Provisioning
from bench.result import Result
from bench.stack import succeeded
from toolchain.failure import Failure

TRIALS = 3
SIZES = ((5, 1), (5, 2), (5, 4), (10, 1), (20, 1), (50, 1))
"""Hosts, and how many times fifty items each. All hosts are real ones of the lab, none is simulated."""


def measure(bench: Bench) -> Result:
    """The same fleet grows; the time of the growing is not measured, that of three runs afterwards is."""
    del bench  # these hosts have packages of the base only, so that fifty of them are made in a minute
    series: dict[str, tuple[float, ...]] = {}
    medians: dict[tuple[int, int], float] = {}
    with Provisioning(HOSTS, from_archive=False) as fleet:
        for hosts, times in SIZES:
            fleet.resize([f"fleet{number}" for number in range(1, hosts + 1)], times * items.PARTS)
            succeeded(fleet.up())
            trials = tuple(_unchanged(fleet) for _ in range(TRIALS))
            series[f"{hosts} hosts x {times * ITEMS} items"] = trials
            medians[hosts, times] = median(trials)
    base = medians[SIZES[0]]
    growth = {size: medians[size] / base / (size[0] * size[1] / (SIZES[0][0] * SIZES[0][1])) for size in SIZES[1:]}
    worst = max(growth, key=lambda size: growth[size])
    per_item = (medians[SIZES[-1]] - base) / ((SIZES[-1][0] - SIZES[0][0]) * ITEMS)
    return Result(
        id="P5",
        title=f"growth from {SIZES[0][0]} to {SIZES[-1][0]} hosts, {ITEMS} to {4 * ITEMS} items, nothing to change",
        unit="s",
        value=round(medians[SIZES[-1]], 2),
        goal="time grows no faster than hosts x items; one SSH connection per host",
        met=growth[worst] <= 1,
        trials=tuple(round(value, 2) for value in medians.values()),
        series=series,
        notes=(
            f"growth beside that of hosts x items: at worst {growth[worst]:.2f}, {worst[0]} hosts x {worst[1] * ITEMS}",
            f"one SSH connection a host in every run; {per_item * 1000:.1f} ms for each further item",
        ),
    )


def _unchanged(fleet: Provisioning) -> float:
    begin = time()
    run = succeeded(fleet.up())
    if set(run.changes) != {"unchanged"}:
        raise Failure(f"something changed although nothing should:\n{run.text[-3000:]}")
    logins = {name: fleet.hosts.logins(name, begin) for name in fleet.names}
    if wrong := {name: number for name, number in logins.items() if number != 1}:
        raise Failure(f"one SSH connection a host is expected, counted were {wrong}")
    return round(run.seconds, 2)
