"""S6: every listening port of every host, tried from everywhere: it answers only where it is meant to."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from bench.context import Bench
from bench.front import Platform
from bench.hosts import LabHosts
from bench.result import Result
from lab.record import LAST_HOST
from lab.shell import output

OUTSIDER = "outsider"
CONTROLLER = "controller"
DECLARED = {
    "every host": {22: "management"},
    "balancer": {80: "clients", 8100: "clients", 8404: "management"},
    "web": {8001: "balancers", 8002: "balancers"},
    "key-value": {8100: "balancers"},
}
"""Duty → port → who may connect, in the stack `lab`: this machine manages, the whole subnet are clients."""
_SCAN = (Path(__file__).resolve().parents[1] / "clients" / "scan.py").read_text()

Endpoint = tuple[str, int]
Scan = Callable[[list[Endpoint]], list[bool]]


def measure(bench: Bench) -> Result:
    """Compares what answers with what is declared, in both directions."""
    platform = bench.platform
    hosts = platform.hosts
    declared = {host: _declared(platform, host) for host in hosts.names}
    targets = [(host, port) for host in hosts.names for port in sorted(listening(hosts, host) | set(declared[host]))]
    wrong: list[str] = []
    tried = 0
    with _sources(hosts) as sources:
        for source, scan in sources.items():
            others = [(host, port) for host, port in targets if host != source]
            answers = scan([(hosts.address(host), port) for host, port in others])
            tried += len(answers)
            for (host, port), answered in zip(others, answers, strict=True):
                meant = _may(platform, source, declared[host].get(port, "nobody"))
                if answered != meant:
                    wrong.append(f"{host}:{port} {'answers' if answered else 'does not answer'} {source}")
    return Result(
        id="S6",
        title="ports that answer where they should not, or not where they should",
        unit="ports",
        value=len(wrong),
        goal="0",
        met=not wrong,
        peers={
            "connections tried": tried,
            "listening or declared ports": len(targets),
            "places tried from": len(sources),
        },
        notes=tuple(wrong),
    )


def listening(hosts: LabHosts, host: str) -> set[int]:
    """Every TCP port something on the host listens on, at whatever address."""
    lines = hosts.run(host, "ss", "--no-header", "--tcp", "--listening", "--numeric").splitlines()
    return {int(match[1]) for line in lines if (match := re.search(r":(\d+)\s", line))}


def _declared(platform: Platform, host: str) -> dict[int, str]:
    duties = [duty for duty in DECLARED if duty == "every host" or host in platform.with_duty(duty)]
    return {port: who for duty in duties for port, who in DECLARED[duty].items()}


def _may(platform: Platform, source: str, who: str) -> bool:
    allowed = {
        "nobody": False,
        "clients": True,
        "management": source == CONTROLLER,
        "balancers": source in platform.with_duty("balancer"),
    }
    return allowed[who]


@contextmanager
def _sources(hosts: LabHosts) -> Generator[dict[str, Scan], None, None]:
    """Where to try from: each host, this machine, and a stranger plugged into the same network for the time being."""
    plug, space = f"{OUTSIDER}0", f"bench-{OUTSIDER}"
    address = hosts.gateway.rpartition(".")[0] + f".{LAST_HOST + 1}"
    output(["ip", "netns", "add", space])
    try:
        output(["ip", "link", "add", plug, "type", "veth", "peer", "name", "host0", "netns", space])
        output(["ip", "link", "set", plug, "master", hosts.bridge, "up"])
        inside = ["ip", "netns", "exec", space]
        output([*inside, "ip", "address", "add", f"{address}/24", "dev", "host0"])
        output([*inside, "ip", "link", "set", "host0", "up"])
        yield {
            **{name: _from_host(hosts, name) for name in hosts.names},
            CONTROLLER: lambda endpoints: _results(output(["python3", "-", json.dumps(endpoints)], _SCAN)),
            OUTSIDER: lambda endpoints: _results(output([*inside, "python3", "-", json.dumps(endpoints)], _SCAN)),
        }
    finally:
        # The plug goes with the other end of its cable.
        subprocess.run(["ip", "netns", "delete", space], check=True)


def _from_host(hosts: LabHosts, name: str) -> Scan:
    return lambda endpoints: _results(hosts.run(name, "python3", "-", json.dumps(endpoints), stdin=_SCAN))


def _results(text: str) -> list[bool]:
    return cast("list[bool]", json.loads(text))
