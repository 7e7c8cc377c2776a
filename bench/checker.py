"""The end state of the fleet, asked of the hosts themselves with their own tools; knows no tool that is measured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

from bench.fleet import items
from bench.hosts import LabHosts

_OWN = "644 root root"
_INSTALLED = "install ok installed"


def problems(hosts: LabHosts, names: Iterable[str], revision: Mapping[str, int]) -> list[str]:
    """What is not as bench/fleet/items.py says, host by host; empty when every item is right everywhere."""

    def on(name: str) -> list[str]:
        parts = [items.part(number, revision.get(name, 0)) for number in range(items.PARTS)]
        return [f"{name}: {problem}" for part in parts for problem in _problems(hosts, name, part)]

    with ThreadPoolExecutor(4) as pool:
        return [problem for found in pool.map(on, names) for problem in found]


def _problems(hosts: LabHosts, name: str, part: items.Part) -> Iterator[str]:
    sums = _rows(hosts, name, "sha256sum", "--", *part.files)
    owners = _rows(hosts, name, "stat", "--format=%n %a %U %G", "--", *part.files)
    found = {path: digest for digest, _, path in (line.partition("  ") for line in sums)}
    owned = {path: owner for path, _, owner in (line.partition(" ") for line in owners)}
    for path, content in part.files.items():
        if found.get(path) != sha256(content.encode()).hexdigest():
            yield f"{path} is {'another' if path in found else 'missing'}"
        elif owned.get(path) != _OWN:
            yield f"{path} is {owned.get(path)}, not {_OWN}"
    status = _rows(hosts, name, "dpkg-query", "--show", "--showformat=${Status}\n", part.package)
    if status != [_INSTALLED]:
        yield f"{part.package} is {status}"
    if part.service:
        shown = ("--property=ActiveState,UnitFileState", part.service)
        state = _rows(hosts, name, "systemctl", "show", *shown)
        if sorted(state) != ["ActiveState=active", "UnitFileState=enabled"]:
            yield f"{part.service} is {state}"
    if part.user:
        _, _, _, _, _, home, shell = (_rows(hosts, name, "getent", "passwd", part.user) or ["::::::"])[0].split(":")
        if (home, shell) != (items.HOME, items.SHELL):
            yield f"the user {part.user} has {home!r} and {shell!r}"


def _rows(hosts: LabHosts, name: str, *argv: str) -> list[str]:
    return hosts.try_run(name, *argv).stdout.splitlines()
