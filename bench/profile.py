"""`python -m bench.profile [RUNS]`: where the time of P1 goes, wall clock by phase and processor time by part."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from time import time

from bench.clients.family import Family, cpu_seconds_below, now
from bench.provisioning import HOSTS, ITEMS, Provisioning
from bench.stack import ended_children_seconds
from toolchain.failure import Failure, exit_code

RUNS = 5
_PROGRAM = "pulumi-language-python-exec"
_LANGUAGE = "libexec/pulumi-language-python"
UP = ("up", "--refresh", "--yes", "--skip-preview")


@dataclass(frozen=True)
class Profile:
    """Seconds by phase, in order, and processor seconds by part."""

    phases: Mapping[str, float]
    parts: Mapping[str, float]


def main() -> int:
    """Profiles some runs on the hosts of the provisioning figures and prints the medians."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    with Provisioning() as fleet:
        profiles = [profiled(fleet) for _ in range(runs)]
    print(f"P1, {len(HOSTS)} hosts x {ITEMS} items, nothing to change; medians of {runs} runs\n")
    print(_table("phase", "wall s", [one.phases for one in profiles]))
    print(_table("part", "CPU s", [one.parts for one in profiles]))
    return 0


def profiled(fleet: Provisioning) -> Profile:
    """One `up --refresh`, looked at from outside. Raises Failure when it fails."""
    inits = {init for name in HOSTS if (init := fleet.hosts.init_of(name)) is not None}
    hosts_before, ours_before, wall_before = cpu_seconds_below(inits), ended_children_seconds(), time()
    with subprocess.Popen(
        fleet.stack.command(*UP), cwd=fleet.stack.directory, env=fleet.stack.environment, stdout=subprocess.DEVNULL
    ) as engine:
        with Family(engine.pid) as family:
            status = engine.wait()
        end = now()
    if status != 0:
        raise Failure(f"pulumi ended with {status}")
    spent = {"hosts, all of them": cpu_seconds_below(inits) - hosts_before}
    return Profile(
        _phases(family, engine.pid, end, _moments(fleet, wall_before)),
        {**_parts(family, engine.pid, ended_children_seconds() - ours_before), **spent},
    )


def _moments(fleet: Provisioning, since: float) -> tuple[float, float]:
    """When the last host let the plugin in, and when the last one started its program, in the clock of `now`."""
    latest: dict[str, float] = {}
    for name in HOSTS:
        words = ("journalctl", "--quiet", "--output=json", f"--since=@{since:.3f}", "--identifier=sshd")
        for line in fleet.hosts.run(name, *words, "--identifier=sudo").splitlines():
            entry: dict[str, str] = json.loads(line)
            if entry["MESSAGE"].startswith("Accepted publickey") or "COMMAND=" in entry["MESSAGE"]:
                moment = int(entry["__REALTIME_TIMESTAMP"]) / 1e6
                latest[entry["SYSLOG_IDENTIFIER"]] = max(latest.get(entry["SYSLOG_IDENTIFIER"], 0), moment)
    offset = time() - now()
    return latest["sshd"] - offset, latest["sudo"] - offset


def _phases(family: Family, engine: int, end: float, moments: tuple[float, float]) -> dict[str, float]:
    plugin = family.find("-m", "provider")[0]
    spare = min((one for one in family.seen.values() if one.parent == plugin.process), key=lambda one: one.begin)
    listing, program = family.find("installed.py")[0], family.find(_PROGRAM)[0]
    second = family.find("-m", "provider")[-1]
    borders = [
        ("engine: opens the state, starts the language host", family.seen[engine].begin),
        ("language host: looks for packages with plugins", listing.begin),
        ("plugin: imports", plugin.begin),
        ("plugin: SSH handshakes", spare.begin),
        ("hosts: sessions, sudo", moments[0]),
        ("hosts: program, everything read; engine: refresh", moments[1]),
        ("program: imports, until its first resource", program.begin),
        ("engine and plugin: everything compared", second.begin),
        ("engine: saves the state, ends its plugins", program.end),
        ("total", end),
    ]
    phases = {name: after - before for (name, before), (_, after) in pairwise(borders)}
    return {**phases, "total": end - borders[0][1]}


def _parts(family: Family, engine: int, total: float) -> dict[str, float]:
    plugins = family.find("-m", "provider")
    groups = {
        "engine": [family.seen[engine]],
        "language host": [one for one in family.seen.values() if one.command and one.command[0].endswith(_LANGUAGE)],
        "list of packages": family.find("installed.py"),
        "plugin": plugins[:1],
        "plugin, second start": plugins[1:],
        "program": family.find(_PROGRAM),
    }
    seconds = {name: sum(one.cpu_seconds for one in members) for name, members in groups.items()}
    return {**seconds, "others (git, shells), and what was missed": total - sum(seconds.values())}


def _table(head: str, unit: str, rows: Sequence[Mapping[str, float]]) -> str:
    lines = [f"| {head} | {unit} |", "|---|---|"]
    lines += [f"| {name} | {median(row[name] for row in rows):.2f} |" for name in rows[0]]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(exit_code(main))
