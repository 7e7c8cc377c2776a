"""What the specs of all roles share: the frozen base class and the types of the field."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
"""A source of traffic; a single address is a network of one."""
AddressWithPrefix = IPv4Interface | IPv6Interface
"""An address together with its network, as it is put on an interface: `10.77.0.100/24`."""

Port = Annotated[int, Field(ge=1, le=65_535)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]
"""A name that may stand unquoted in the configuration of every daemon here."""
UrlPath = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9_./-]*$")]
InterfaceName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,15}$")]


class Spec(BaseModel):
    """Typed input of a role: frozen, nothing unknown, values never echoed in an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def url_host(address: Address) -> str:
    """The address as it stands in a URL or before `:port`."""
    return f"[{address}]" if address.version == 6 else str(address)
