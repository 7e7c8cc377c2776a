"""All hosts of a stack, in the order in which risky changes reach them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pulumi
from pydantic import Field

from components.host import Host, HostArgs
from components.host_role import HostRole
from components.roster import Roster, RosterArgs
from components.values import HostName, Machine, Value
from roles.baseline.spec import BaselineSpec
from roles.kernel_profile.spec import KernelProfileSpec
from roles.spec import Network
from roles.sshd.spec import Login


class FleetArgs(Value):
    """The first of `machines` takes changes of sshd, firewall and kernel before the others."""

    machines: tuple[Machine, ...] = Field(min_length=1)
    management_sources: tuple[Network, ...]
    logins: tuple[Login, ...]
    """Accounts that may log in, from `management_sources` only."""
    baselines: Mapping[HostName, BaselineSpec]
    kernel_profile: KernelProfileSpec = KernelProfileSpec()


class Fleet(pulumi.ComponentResource):
    """The hosts, each fit for its duties."""

    hosts: Mapping[HostName, Host]

    def __init__(self, name: str, args: FleetArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("soundstage:host:Fleet", name, None, opts)
        first = self._host(args, args.machines[0], proven_on=None)
        others = {machine.name: self._host(args, machine, proven_on=first) for machine in args.machines[1:]}
        self.hosts = {first.machine.name: first, **others}
        self.register_outputs({"hosts": sorted(self.hosts)})

    def named(self, names: Iterable[HostName]) -> tuple[Host, ...]:
        """The hosts with these names, in this order."""
        return tuple(self.hosts[name] for name in names)

    def call_the_roll(self, duties: Iterable[HostRole]) -> None:
        """Registers what each host answers for: its own roles and those of `duties` that are its."""
        duties = tuple(duties)
        for name, host in self.hosts.items():
            roles = (*host.roles, *(role for role in duties if role.machine_name == name))
            Roster(f"{name}-roster", RosterArgs(machine=host.machine, roles=roles), pulumi.ResourceOptions(parent=self))

    def summary(self) -> Mapping[str, Mapping[str, object]]:
        """Host name → address, interface, duties."""
        return {
            name: {
                "address": str(host.machine.address),
                "interface": host.machine.interface,
                "duties": list(host.machine.duties),
            }
            for name, host in self.hosts.items()
        }

    def _host(self, args: FleetArgs, machine: Machine, proven_on: Host | None) -> Host:
        return Host(
            machine.name,
            HostArgs(
                machine=machine,
                management_sources=args.management_sources,
                logins=args.logins,
                baseline=args.baselines[machine.name],
                kernel_profile=args.kernel_profile,
                proven_by=proven_on.risky if proven_on else (),
            ),
            pulumi.ResourceOptions(parent=self),
        )
