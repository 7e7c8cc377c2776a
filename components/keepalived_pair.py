"""The virtual IP and the two hosts that share it."""

from __future__ import annotations

from typing import Annotated

import pulumi
from pydantic import Field

from components.host import Host
from components.host_role import HostRole, HostRoleArgs
from components.load_balancer import LoadBalancer
from components.values import Value, http_url
from roles import keepalived
from roles.keepalived.spec import KeepalivedSpec
from roles.spec import AddressWithPrefix

_PRIMARY_PRIORITY = 254
_BACKUP_PRIORITY = 253
"""As high as they may be: who takes over waits (256 - priority) / 256 of an advert interval longer (RFC 9568, 6.1)."""


class KeepalivedPairOptions(Value):
    """`address` is the virtual IP with its prefix; `virtual_router_id` is this pair's own in its network."""

    address: AddressWithPrefix
    virtual_router_id: Annotated[int, Field(ge=1, le=255)]
    preempt: bool = False
    """The primary takes the address back when it returns."""
    preempt_delay_seconds: Annotated[int, Field(ge=0, le=1000)] = 5
    advert_interval_seconds: Annotated[float, Field(ge=0.01, le=40.95)] = 0.1


class KeepalivedPairArgs(Value):
    """`hosts` in rolling order, the primary last; one alone holds the address while the other is lost."""

    hosts: tuple[Host, ...] = Field(min_length=1, max_length=2)
    balancer: LoadBalancer
    options: KeepalivedPairOptions


class KeepalivedPair(pulumi.ComponentResource):
    """Owns the virtual IP: exactly one of the two hosts answers on it at any time."""

    virtual_ip: pulumi.Output[str]
    roles: tuple[HostRole, ...]

    def __init__(self, name: str, args: KeepalivedPairArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("soundstage:network:KeepalivedPair", name, None, opts)
        *backups, primary = args.hosts
        # The backup goes first, so that the address never moves onto an unproven config.
        proven = [self._node(name, args, backup, _BACKUP_PRIORITY, after=[]) for backup in backups]
        holder = self._node(name, args, primary, _PRIMARY_PRIORITY, after=proven)
        self.roles = (*proven, holder)
        # Said whether or not this run reached the hosts: scripts ask for it after a run that failed, too.
        self.virtual_ip = pulumi.Output.from_input(str(args.options.address.ip))
        self._address = args.options.address.ip
        self.register_outputs({"virtual_ip": self.virtual_ip})

    def url(self, port: int) -> pulumi.Output[str]:
        """Where a service on `port` answers at the virtual IP."""
        return self.virtual_ip.apply(lambda _: http_url(self._address, port))

    def _node(self, name: str, args: KeepalivedPairArgs, host: Host, priority: int, after: list[HostRole]) -> HostRole:
        options = args.options
        spec = KeepalivedSpec(
            host=host.machine.name,
            interface=host.machine.interface,
            address=host.machine.address,
            peers=tuple(peer.machine.address for peer in args.hosts if peer is not host),
            virtual_ip=options.address,
            virtual_router_id=options.virtual_router_id,
            priority=priority,
            preempt=options.preempt,
            preempt_delay_seconds=options.preempt_delay_seconds,
            advert_interval_seconds=options.advert_interval_seconds,
            health_url=args.balancer.health_url,
            served_by=f"{args.balancer.engine}.service",
        )
        return HostRole(
            f"{name}-{host.machine.name}",
            HostRoleArgs(machine=host.machine, role=keepalived.role(spec)),
            pulumi.ResourceOptions(parent=self, depends_on=[*args.balancer.roles, *after]),
        )
