"""`soundstage status`: what is managed on this host and how it is, for a person without the controller."""

from __future__ import annotations

import json
import re
import ssl
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TextIO

from . import journal, store, units
from .change import stamp
from .facts import facts
from .machine import Machine
from .manifest import Manifest
from .packages import Packages
from .probes import answer_once, describe

CERTIFICATE_WARNING_DAYS = 30
_ANSWER_SECONDS = 3.0
_DAY = 86_400
_LARGEST_CERTIFICATE = 1 << 20


@dataclass(frozen=True)
class RoleStatus:
    """One role: `problems` is empty when all is well; days are whole days left of each certificate."""

    applied: str
    packages: Mapping[str, str]
    units: Mapping[str, str]
    probes: Mapping[str, str]
    certificates: Mapping[str, int]
    unsettable: Mapping[str, str]
    problems: tuple[str, ...]


def show(machine: Machine, out: TextIO, *, as_json: bool) -> int:
    """Prints the status; returns 0 when all is well and 1 when something is wrong. Raises Failure."""
    manifests = store.manifests(machine)
    known = Packages().read(machine)
    states = units.states(machine, [name for each in manifests.values() for name in each.units])
    roles: dict[str, RoleStatus] = {}
    for name, manifest in sorted(manifests.items()):
        versions = {package: known[package].version for package in manifest.packages if package in known}
        roles[name] = _role(machine, manifest, versions, states)
    good = not any(role.problems for role in roles.values())
    host = facts(machine)
    if as_json:
        told = {name: asdict(role) for name, role in roles.items()}
        out.write(json.dumps({"host": host, "good": good, "roles": told}, indent=2) + "\n")
        return 0 if good else 1
    out.write(f"{host['hostname']}  {host['system']}  kernel {host['kernel']}  {len(roles)} roles\n")
    mark = _marks(colored=out.isatty())
    for name, role in roles.items():
        out.write("\n".join(_lines(name, role, mark)) + "\n")
    out.write(f"{mark[good]} {'all is well' if good else 'something is wrong'}\n")
    return 0 if good else 1


def _role(
    machine: Machine, manifest: Manifest, versions: Mapping[str, str], states: Mapping[str, units.UnitState]
) -> RoleStatus:
    # A unit whose start condition this host does not meet is told as not settable.
    asked = [probe for probe in manifest.verify if probe.unit not in manifest.unsettable]
    probes = {describe(probe): answer_once(machine, probe, _ANSWER_SECONDS) for probe in asked}
    days = dict(_certificates(machine, manifest))
    problems = [
        *(f"probe {wrong}" for wrong in probes.values() if wrong),
        *(f"{path} was changed since" for path, was in manifest.stamps.items() if was != stamp(machine, path)),
        *(f"{path} ends in {left} days" for path, left in days.items() if left < CERTIFICATE_WARNING_DAYS),
        *(f"package {name} is missing" for name in manifest.packages if name not in versions),
        *(f"{name} has failed" for name in manifest.units if states[name].active == "failed"),
        *_journal_problems(machine, manifest.role),
    ]
    return RoleStatus(
        applied=time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(manifest.applied)),
        packages=versions,
        units={name: states[name].active for name in manifest.units},
        probes={probe: wrong or "answers" for probe, wrong in probes.items()},
        certificates=days,
        unsettable=manifest.unsettable,
        problems=tuple(problems),
    )


def _journal_problems(machine: Machine, role: str) -> Iterator[str]:
    left = journal.load(machine, role)
    if left is not None and left.armed_until:
        yield "the last change waits to be confirmed"
    elif left is not None:
        yield "the last change was interrupted; the next apply or boot finishes it"
    undone = machine.text(f"{store.UNDONE}/{role}").strip()
    if undone:
        yield undone


def _certificates(machine: Machine, manifest: Manifest) -> Iterator[tuple[str, int]]:
    for path in manifest.files:
        found = machine.lstat(path)
        if found is None or not stat.S_ISREG(found.st_mode) or found.st_size > _LARGEST_CERTIFICATE:
            continue
        if "-----BEGIN CERTIFICATE-----" in machine.text(path):
            said = machine.ask(["openssl", "x509", "-noout", "-enddate", "-in", machine.at(path)], _ANSWER_SECONDS)
            ends = re.search(r"notAfter=(.+)", said.stdout)
            if ends is not None:
                yield path, int((ssl.cert_time_to_seconds(ends.group(1)) - machine.now()) // _DAY)


def _lines(name: str, role: RoleStatus, mark: Mapping[bool, str]) -> Iterator[str]:
    yield f"{mark[not role.problems]} {name}  applied {role.applied}"
    if role.packages:
        yield "    packages      " + ", ".join(f"{each} {version}" for each, version in role.packages.items())
    for unit, active in role.units.items():
        yield f"    unit          {unit} {active}"
    for asked, answer in role.probes.items():
        yield f"    probe         {asked} {answer if answer == 'answers' else 'DOES NOT ANSWER'}"
    for path, days in role.certificates.items():
        yield f"    certificate   {path} {days} days left"
    for key, reason in role.unsettable.items():
        yield f"    not settable  {key}: {reason}"
    for problem in role.problems:
        yield f"    WRONG         {problem}"


def _marks(*, colored: bool) -> dict[bool, str]:
    plain = {True: "ok   ", False: "WRONG"}
    return {True: f"\033[32m{plain[True]}\033[0m", False: f"\033[31m{plain[False]}\033[0m"} if colored else plain
