"""P1: what it costs to find out that nothing has to change on five hosts with fifty items each."""

from __future__ import annotations

from statistics import median

from bench.context import Bench
from bench.provisioning import HOSTS, ITEMS
from bench.result import Result
from bench.stack import succeeded
from toolchain.failure import Failure

TRIALS = 5
GOAL_SECONDS = 3.0


def measure(bench: Bench) -> Result:
    """`pulumi up --refresh` five times; everything is read from the hosts each time, nothing may change."""
    fleet = bench.provisioning
    trials: list[float] = []
    for _ in range(TRIALS):
        run = succeeded(fleet.up())
        if set(run.changes) != {"unchanged"}:
            raise Failure(f"something changed although nothing should:\n{run.text}")
        trials.append(round(run.seconds, 2))
    value = median(trials)
    return Result(
        id="P1",
        title=f"nothing to change, verified on {len(HOSTS)} hosts x {ITEMS} items",
        unit="s",
        value=value,
        goal=f"<= {GOAL_SECONDS:g} s",
        met=value <= GOAL_SECONDS,
        trials=tuple(trials),
        peers={
            "first apply, packages included (s)": round(fleet.first_apply.seconds, 2),
            "pyinfra, published figure": 11.0,
            "Ansible with Mitogen, published figure": 82.0,
            "Ansible, published figure": 150.0,
        },
    )
