"""One of the two hosts that share a virtual IP."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from roles.model import UnitName
from roles.spec import Address, AddressWithPrefix, InterfaceName, Name, Spec


class KeepalivedSpec(Spec):
    """`address` is this host's own, `peers` are the other hosts' addresses on the same network.

    Without peers the host holds the address alone (the other host is lost).
    """

    host: Name
    """Stands in the log; unique in the network."""
    interface: InterfaceName
    address: Address
    peers: tuple[Address, ...] = ()
    virtual_ip: AddressWithPrefix
    virtual_router_id: Annotated[int, Field(ge=1, le=255)]
    priority: Annotated[int, Field(ge=1, le=254)]
    preempt: bool = False
    """A host of higher priority takes the address back when it returns. Otherwise it waits for the next failure."""
    preempt_delay_seconds: Annotated[int, Field(ge=0, le=1000)] = 5
    advert_interval_seconds: Annotated[float, Field(ge=0.01, le=40.95)] = 0.1
    health_url: Annotated[str, StringConstraints(pattern=r"^http://[A-Za-z0-9.:/_-]+$")]
    """The address is held only while this answers (`BalancerSpec.health_url`)."""
    served_by: UnitName = "haproxy.service"
    """The balancer: started before keepalived."""

    @model_validator(mode="after")
    def _addresses_are_of_one_network(self) -> Self:
        if self.virtual_ip.ip in (self.address, *self.peers) or self.address in self.peers:
            raise ValueError("virtual_ip, address and peers must all be different")
        if {self.address.version, *(peer.version for peer in self.peers)} != {self.virtual_ip.version}:
            raise ValueError("virtual_ip, address and peers must all be IPv4 or all be IPv6")
        return self
