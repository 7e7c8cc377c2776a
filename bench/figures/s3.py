"""S3: how exposed the units are that this project ships."""

from __future__ import annotations

import re

from bench.context import Bench
from bench.hosts import LabHosts
from bench.result import Result
from toolchain.failure import Failure

GOAL = 2.5
GOALS = {"keepalived.service": 4.0}
EXPLAINED = {
    "ssh.service": "who logs in there may do anything on the host; only its start and reload are ours",
    "soundstage-recover.service": "undoes an interrupted change at boot, so it must reach every file of the host",
}
"""Not counted: what such a unit is for is what a sandbox would take away."""
_UNITS = (
    "find /etc/systemd/system -mindepth 1 -maxdepth 2 -type f "
    r"\( -name '*.service' -o -path '*.service.d/*.conf' \) -printf '%P\n'"
)


def measure(bench: Bench) -> Result:
    """`systemd-analyze security` of every service on every host that has a unit file or a drop-in of ours."""
    hosts = bench.platform.hosts
    exposures = {f"{host} {unit}": exposure(hosts, host, unit) for host in hosts.names for unit in shipped(hosts, host)}
    counted = {name: value for name, value in exposures.items() if _unit(name) not in EXPLAINED}
    over = {name: value for name, value in counted.items() if value > GOALS.get(_unit(name), GOAL)}
    return Result(
        id="S3",
        title="exposure of the units we ship (worst; keepalived has its own goal)",
        unit="of 10",
        value=max(value for name, value in counted.items() if _unit(name) not in GOALS),
        goal=f"<= {GOAL} (keepalived <= {GOALS['keepalived.service']:g})",
        met=not over,
        trials=tuple(counted.values()),
        peers=exposures,
        notes=(
            *(f"over its goal: {name} {value}" for name, value in over.items()),
            *(f"{unit} is not counted: {reason}" for unit, reason in EXPLAINED.items()),
        ),
    )


def _unit(name: str) -> str:
    return name.split(" ")[1]


def shipped(hosts: LabHosts, host: str) -> list[str]:
    """The services that run, or would run, from a file of ours; a template stands for each of its instances."""
    paths = hosts.run(host, "sh", "-c", _UNITS).split()
    names = {path.split("/")[0].removesuffix(".d") for path in paths}
    instances = hosts.run(host, "systemctl", "list-units", "--all", "--plain", "--no-legend", "--type=service")
    running = [line.split()[0] for line in instances.splitlines() if line.strip()]
    templates = {name.removesuffix(".service") for name in names if name.endswith("@.service")}
    return sorted(
        {name for name in names if not name.endswith("@.service")}
        | {unit for unit in running if unit.split("@")[0] + "@" in templates}
    )


def exposure(hosts: LabHosts, host: str, unit: str) -> float:
    """The overall exposure level of a unit, 0 (best) to 10."""
    text = hosts.run(host, "systemd-analyze", "security", "--no-pager", unit)
    level = re.search(r"Overall exposure level for \S+: ([\d.]+)", text)
    if level is None:
        raise Failure(f"{host}: systemd-analyze says nothing about {unit}")
    return float(level[1])
