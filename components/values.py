"""The plain values components are built from: a machine and how to reach it."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr, StringConstraints

from roles.first_contact.spec import PublicKey
from roles.model import Account, Seconds
from roles.spec import Address, InterfaceName, Network, Port

HostName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
Duty = Literal["balancer", "key-value", "web"]


class Value(BaseModel):
    """Frozen, keyword-only, and refuses what it does not know. Pulumi outputs may stand in it."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True)


class Jump(Value):
    """A bastion in front of the hosts; its host key is in the same known_hosts file."""

    address: Address
    port: Port = 22
    user: Account


class Connection(Value):
    """How the controller reaches one host. `identity_file` "" means keys from the agent only."""

    address: Address
    port: Port
    user: Account
    identity_file: str
    known_hosts: str
    """Path relative to the project; a host whose key is not in it is refused."""
    jump: Jump | None
    connect_timeout_seconds: Seconds
    operation_timeout_seconds: Seconds


def _one_line(password: SecretStr) -> SecretStr:
    if not password.get_secret_value() or not password.get_secret_value().isprintable():
        raise ValueError("one line of text")
    return password


Passphrase = Annotated[SecretStr, AfterValidator(_one_line)]
"""A password somebody types; no message and no log shows it."""


class Bastion(Jump):
    """A bastion on the way of the first contact. Without a password the key comes from the ssh agent."""

    password: Passphrase | None = None


class FirstContact(Value):
    """How a server lets somebody in before it knows the deploy user. Without a password: keys of the ssh agent.

    `authorized_keys` are what the deploy user gets; none means the public half of the connection's identity file.
    """

    user: Account
    password: Passphrase | None
    port: Port
    jump: Bastion | None
    authorized_keys: tuple[PublicKey, ...]


class Machine(Value):
    """One host of the stack. `interface` carries its address; `cores` is what its duties may count on."""

    name: HostName
    address: Address
    interface: InterfaceName
    cores: int
    duties: tuple[Duty, ...]
    connection: Connection
    first_contact: FirstContact | None = None

    @property
    def network(self) -> Network:
        """The host alone, as a source of traffic."""
        return ip_network(self.address)


def http_url(address: Address, port: int) -> str:
    """`http://10.0.0.1/`, `http://10.0.0.1:8100/`, `http://[fd00::1]:8100/`."""
    host = f"[{address}]" if isinstance(address, IPv6Address) else str(address)
    return f"http://{host}/" if port == 80 else f"http://{host}:{port}/"
