"""Machines for components, and what a role says as the plugin would get it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_network
from typing import cast

import pytest

from components.fleet import Fleet, FleetArgs
from components.values import Connection, Machine
from roles.baseline.spec import BaselineSpec
from scripts.recording import Registration

MANAGEMENT = (ip_network("192.0.2.10"),)
CLIENTS = (ip_network("198.51.100.0/24"),)

ADDRESSES = {"app1": "10.9.0.21", "app2": "10.9.0.22", "edge1": "10.9.0.11", "edge2": "10.9.0.12"}


def machine(name: str, cores: int = 2) -> Machine:
    address = ip_address(ADDRESSES[name])
    connection = Connection(
        address=address,
        port=22,
        user="deploy",
        identity_file="",
        known_hosts="known_hosts",
        jump=None,
        connect_timeout_seconds=8,
        operation_timeout_seconds=900,
    )
    return Machine(name=name, address=address, interface="eth0", cores=cores, duties=("web",), connection=connection)


def fleet(names: tuple[str, ...] = tuple(ADDRESSES)) -> Fleet:
    """To be called inside a recorded program."""
    args = FleetArgs(
        machines=tuple(machine(name) for name in names),
        management_sources=MANAGEMENT,
        logins=("deploy",),
        baselines={name: BaselineSpec() for name in names},
    )
    return Fleet("fleet", args)


@pytest.fixture
def text() -> Callable[[Registration], str]:
    """All that is written into the files of a role, for words that must or must not be there."""

    def written(registration: Registration) -> str:
        role = cast("Mapping[str, Mapping[str, Mapping[str, str]]]", registration.inputs["role"])
        return "\n".join(f"{path}\n{file['content']}" for path, file in sorted(role["files"].items()))

    return written
