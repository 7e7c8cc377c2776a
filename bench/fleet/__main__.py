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

for name, address in addresses.items():
    machine = Machine(
        name=name,
        address=ip_address(address),
        interface="host0",
        cores=1,
        duties=(),
        connection=Connection(
            address=ip_address(address),
            port=22,
            user="deploy",
            identity_file=f"{lab}/id_ed25519",
            known_hosts=f"{lab}/known_hosts",
            jump=None,
            connect_timeout_seconds=4,
            operation_timeout_seconds=300,
        ),
    )
    parts = [items.role(part, revision.get(name, 0)) for part in range(items.PARTS)]
    roles = tuple(HostRole(f"{role.name}-{name}", HostRoleArgs(machine=machine, role=role)) for role in parts)
    Roster(f"{name}-roster", RosterArgs(machine=machine, roles=roles))
