"""P6: what a longer way to the hosts costs: round trips that are waited for, one after another."""

from __future__ import annotations

from statistics import median

from bench.clients.delay import Delay
from bench.context import Bench
from bench.fleet import items
from bench.provisioning import HOSTS, Provisioning
from bench.result import Result
from bench.stack import succeeded
from toolchain.failure import Failure

TRIALS = 3
ROUND_TRIPS_SECONDS = (0.0, 0.025, 0.1)
GOAL_CONNECT, GOAL_PER_ROLE = 7, 2
_GOAL_TRIPS = GOAL_CONNECT + GOAL_PER_ROLE * items.PARTS


def measure(bench: Bench) -> Result:
    """Runs without a change, and at the longest way runs that change a file of every host."""
    fleet = bench.converged().fleet
    addresses = {name: fleet.hosts.address(name) for name in HOSTS}
    series: dict[str, tuple[float, ...]] = {}
    turns: list[int] = []
    _take_back(fleet)
    try:
        for seconds in ROUND_TRIPS_SECONDS:
            with Delay(addresses, seconds) as delay:
                fleet.reach_through(delay.endpoints)
                succeeded(fleet.up())
                spoken = dict(delay.turns)
                series[_name(seconds)] = tuple(_run(fleet, delay, revision=0) for _ in range(TRIALS))
                turns = [(count - spoken[name]) // TRIALS for name, count in delay.turns.items()]
                changing = tuple(_run(fleet, delay, revision=trial + 1) for trial in range(TRIALS))
                series[f"{_name(seconds)}, a file of every host"] = changing
                _take_back(fleet)
    finally:
        fleet.reach_through({})
    trips = _trips(series, "")
    changing_trips = _trips(series, ", a file of every host")
    return Result(
        id="P6",
        title=f"round trips of {', '.join(f'{seconds * 1000:g}' for seconds in ROUND_TRIPS_SECONDS)} ms to the hosts",
        unit="s",
        value=median(series[_name(ROUND_TRIPS_SECONDS[-1])]),
        goal=f"one connect per host (about {GOAL_CONNECT} round trips), then at most {GOAL_PER_ROLE} per role",
        met=max(trips, changing_trips) <= _GOAL_TRIPS,
        trials=tuple(median(trials) for trials in series.values()),
        series=series,
        notes=(
            f"round trips waited for: {trips:.1f} without a change, {changing_trips:.1f} with; at most {_GOAL_TRIPS}",
            f"one connection a host in every run; the controller spoke after the host at most {max(turns)} times in it",
        ),
    )


def _take_back(fleet: Provisioning) -> None:
    """Nothing is applied any more: a refresh goes the way on which a role was applied last, so each way begins anew."""
    succeeded(fleet.stack.pulumi("destroy", "--yes", "--skip-preview"))


def _run(fleet: Provisioning, delay: Delay, revision: int) -> float:
    """Seconds of one run with this revision on every host. Raises Failure when a host was connected to twice."""
    before = dict(delay.connections)
    fleet.revise(dict.fromkeys(HOSTS, revision))
    run = succeeded(fleet.up())
    if wrong := {name: count - before[name] for name, count in delay.connections.items() if count - before[name] != 1}:
        raise Failure(f"one connection a host is expected, counted were {wrong}")
    return round(run.seconds, 2)


def _trips(series: dict[str, tuple[float, ...]], suffix: str) -> float:
    near, far = ROUND_TRIPS_SECONDS[0], ROUND_TRIPS_SECONDS[-1]
    return (median(series[_name(far) + suffix]) - median(series[_name(near) + suffix])) / (far - near)


def _name(seconds: float) -> str:
    return f"{seconds * 1000:g} ms"
