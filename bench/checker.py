"""The end state of the fleet, asked of the hosts themselves with their own tools; knows no tool that is measured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
        found = [*_files(hosts, name, parts), *_packages(hosts, name, parts), *_services(hosts, name, parts)]
        return [f"{name}: {problem}" for problem in [*found, *_users(hosts, name, parts)]]

    with ThreadPoolExecutor(4) as pool:
        return [problem for found in pool.map(on, names) for problem in found]


def _files(hosts: LabHosts, name: str, parts: Sequence[items.Part]) -> Iterator[str]:
    contents = {path: content for part in parts for path, content in part.files.items()}
    sums = _rows(hosts, name, "sha256sum", "--", *contents)
    owners = _rows(hosts, name, "stat", "--format=%n %a %U %G", "--", *contents)
    found = {path: digest for digest, _, path in (line.partition("  ") for line in sums)}
    owned = {path: owner for path, _, owner in (line.partition(" ") for line in owners)}
    for path, content in contents.items():
        if found.get(path) != sha256(content.encode()).hexdigest():
            yield f"{path} is {'another' if path in found else 'missing'}"
        elif owned.get(path) != _OWN:
            yield f"{path} is {owned.get(path)}, not {_OWN}"


def _packages(hosts: LabHosts, name: str, parts: Sequence[items.Part]) -> Iterator[str]:
    packages = [part.package for part in parts]
    rows = _rows(hosts, name, "dpkg-query", "--show", "--showformat=${Package} ${Status}\n", *packages)
    status = {package: state for package, _, state in (row.partition(" ") for row in rows)}
    yield from (f"{package} is {status.get(package)!r}" for package in packages if status.get(package) != _INSTALLED)


def _services(hosts: LabHosts, name: str, parts: Sequence[items.Part]) -> Iterator[str]:
    services = [part.service for part in parts if part.service]
    rows = _rows(hosts, name, "systemctl", "show", "--property=Id,ActiveState,UnitFileState", *services)
    for service in services:
        where = rows.index(f"Id={service}") if f"Id={service}" in rows else 0
        if rows[where + 1 : where + 3] != ["ActiveState=active", "UnitFileState=enabled"]:
            yield f"{service} is {rows[where : where + 3]}"


def _users(hosts: LabHosts, name: str, parts: Sequence[items.Part]) -> Iterator[str]:
    users = [part.user for part in parts if part.user]
    accounts = {row.split(":")[0]: row.split(":")[5:] for row in _rows(hosts, name, "getent", "passwd", *users)}
    wanted = [items.HOME, items.SHELL]
    yield from (f"the user {user} has {accounts.get(user)}" for user in users if accounts.get(user) != wanted)


def _rows(hosts: LabHosts, name: str, *argv: str) -> list[str]:
    return hosts.try_run(name, *argv).stdout.splitlines()
