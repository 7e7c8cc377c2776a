"""The fleet as a Pulumi program: the same plugin, the same components, nothing but the items."""

from __future__ import annotations

from ipaddress import ip_address
from typing import cast

import pulumi

from bench.fleet import items
from components.continuing import continue_beside_failures
from components.ending import end_with_the_engine
from components.host_role import HostRole, HostRoleArgs
from components.roster import Roster, RosterArgs
from components.values import Connection, Machine

end_with_the_engine()
continue_beside_failures()
config = pulumi.Config()
lab = config.require("lab")
addresses = cast("dict[str, str]", config.require_object("addresses"))
revision = cast("dict[str, int]", config.get_object("revision") or {})
packages = items.PACKAGES if config.require_bool("from_archive") else items.BASE_PACKAGES

for name, endpoint in addresses.items():
    address, _, port = endpoint.partition(":")
    machine = Machine(
        name=name,
        address=ip_address(address),
        interface="host0",
        cores=1,
        duties=(),
        connection=Connection(
            address=ip_address(address),
            port=int(port or 22),
            user="deploy",
            identity_file=f"{lab}/id_ed25519",
            known_hosts=f"{lab}/known_hosts",
            jump=None,
            connect_timeout_seconds=4,
            operation_timeout_seconds=300,
        ),
    )
    parts = [items.part(number, revision.get(name, 0), packages) for number in range(config.require_int("parts"))]
    duties = [items.role(part) for part in parts]
    roles = tuple(HostRole(f"{duty.name}-{name}", HostRoleArgs(machine=machine, role=duty)) for duty in duties)
    Roster(f"{name}-roster", RosterArgs(machine=machine, roles=roles))
