"""What a host must answer for: that every role declared for it has reached it, and that it has no other."""

from __future__ import annotations

import pulumi
from pydantic import Field

from components.host_role import HostRole
from components.values import Machine, Value


class RosterArgs(Value):
    """All roles of one host."""

    machine: Machine
    roles: tuple[HostRole, ...] = Field(min_length=1)


class Roster(pulumi.CustomResource):
    """The roles of a host, as the last resource of the host.

    A role of a host that is off is marked and left for later, so that nothing of the other hosts waits for it; the one
    error of that host is the roster's, on which nothing depends. Roles the program no longer knows are taken away.
    """

    def __init__(self, name: str, args: RosterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        properties = {
            "host": args.machine.name,
            "connection": args.machine.connection.model_dump(mode="json"),
            "roles": {role.role_name: role.reachable for role in args.roles},
        }
        super().__init__("soundstage:host:Roster", name, properties, opts)
