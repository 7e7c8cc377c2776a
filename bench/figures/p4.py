"""P4: one host of five is down: what that costs the others, and how it is told."""

from __future__ import annotations

from bench.context import Bench
from bench.fleet import items
from bench.provisioning import HOSTS
from bench.result import Result
from bench.stack import succeeded
from toolchain.failure import Failure

TRIALS = 3
GOAL_SECONDS = 10.0
_DEAD = HOSTS[4]


def measure(bench: Bench) -> Result:
    """Changes a file on every host while one is off: the four others are done, the fifth is one clear error."""
    fleet = bench.provisioning
    trials: list[float] = []
    errors: list[str] = []
    fleet.hosts.kill(_DEAD)
    try:
        for revision in range(101, 101 + TRIALS):
            fleet.revise(dict.fromkeys(HOSTS, revision))
            run = fleet.up()
            trials.append(round(run.seconds, 2))
            for name in HOSTS[:-1]:
                if f"# revision {revision}\n" not in fleet.hosts.run(name, "cat", items.changing_file(0)):
                    raise Failure(f"{name} was not done although only {_DEAD} is off:\n{run.text}")
            errors = [line.strip() for line in run.text.splitlines() if "error:" in line and _DEAD in line]
            if run.status == 0 or not errors:
                raise Failure(f"{_DEAD} is off but that is no error:\n{run.text}")
    finally:
        fleet.hosts.start(_DEAD)
        succeeded(fleet.up())
    value = max(trials)
    return Result(
        id="P4",
        title="one host of five down, the others changed",
        unit="s",
        value=value,
        goal=f"the others done, one clear error within {GOAL_SECONDS:g} s",
        met=value <= GOAL_SECONDS,
        trials=tuple(trials),
        notes=(f"{len(errors)} error line(s); the first: {errors[0][:200]}",),
    )
