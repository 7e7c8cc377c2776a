"""The whole configuration of a stack, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import Field, model_validator

from components.keepalived_pair import KeepalivedPairOptions
from components.key_value_store import KeyValueStoreOptions
from components.load_balancer import LoadBalancerOptions
from components.values import Bastion, Connection, Duty, FirstContact, HostName, Jump, Machine, Passphrase, Value
from components.web_servers import WebServersOptions
from roles.baseline.spec import BaselineSpec
from roles.first_contact.spec import PublicKey
from roles.kernel_profile.spec import KernelProfileSpec
from roles.model import Account, Seconds
from roles.spec import Address, InterfaceName, Network, Port
from roles.sshd.spec import Login


class SshSettings(Value):
    """How the controller reaches the hosts. Paths are relative to the project."""

    user: Login
    port: Port = 22
    identity_file: str = ""
    """Empty means keys from the agent only."""
    authorized_keys: tuple[PublicKey, ...] = ()
    """What a first contact lets in as `user`; none means the public half of `identity_file`."""
    known_hosts: str
    jump: Jump | None = None
    connect_timeout_seconds: Seconds = 4
    operation_timeout_seconds: Seconds = 900


class FirstContactSettings(Value):
    """The way in of a server that does not know `ssh.user` yet; what is not said is as in `ssh`."""

    user: Account | None = None
    password: Passphrase | None = None
    """Also for its sudo. Without one: keys of the ssh agent."""
    port: Port | None = None
    jump: Bastion | None = None

    @model_validator(mode="after")
    def _is_another_way(self) -> Self:
        if self.user is None and self.password is None:
            raise ValueError("a user, a password or both")
        return self


class HostSettings(Value):
    """One host. `cores` is what its duties may count on; the preflight checks that they are there."""

    address: Address
    interface: InterfaceName
    cores: Annotated[int, Field(ge=1, le=1024)] = 1
    first_contact: FirstContactSettings | None = None


class AccessSettings(Value):
    """Who gets in from where: `management` to SSH and the statistics, `clients` to the services."""

    users: tuple[Login, ...] = ()
    """Accounts that may log in besides `ssh.user`."""

    management: Annotated[tuple[Network, ...], Field(min_length=1)]
    clients: Annotated[tuple[Network, ...], Field(min_length=1)]


class BaselineSettings(BaselineSpec):
    """`first_host` takes risky changes before the others; the default is the first by name."""

    first_host: HostName | None = None


class WebServersSettings(WebServersOptions):
    """`hosts` in rolling order; the first one's page says "Server 1"."""

    hosts: Annotated[tuple[HostName, ...], Field(min_length=1)]


class LoadBalancerSettings(LoadBalancerOptions):
    """`hosts` are the two that share the virtual IP."""

    hosts: Annotated[tuple[HostName, ...], Field(min_length=2, max_length=2)]


class VirtualIpSettings(KeepalivedPairOptions):
    """`primary` is one of the balancer hosts; `foreign_router_ids` are taken by other VRRP groups of the network."""

    primary: HostName
    foreign_router_ids: tuple[Annotated[int, Field(ge=1, le=255)], ...] = ()


class KeyValueStoreSettings(KeyValueStoreOptions):
    """`host` has the only instance and its file."""

    host: HostName


class Settings(Value):
    """A stack. Hosts named in `lost_hosts` are gone from everything below `machines`."""

    addresses: str = ""
    ssh: SshSettings
    hosts: Annotated[Mapping[HostName, HostSettings], Field(min_length=1)]
    lost_hosts: tuple[HostName, ...] = ()
    access: AccessSettings
    baseline: BaselineSettings = BaselineSettings()
    kernel_profile: KernelProfileSpec = KernelProfileSpec()
    web_servers: WebServersSettings
    load_balancer: LoadBalancerSettings
    virtual_ip: VirtualIpSettings
    key_value_store: KeyValueStoreSettings

    @property
    def machines(self) -> tuple[Machine, ...]:
        """The hosts that are there; the first one takes risky changes before the others."""
        first = self.baseline.first_host
        ordered = sorted(self.hosts, key=lambda name: (name != first, name))
        return tuple(self._machine(name) for name in self._present(ordered))

    @property
    def logins(self) -> tuple[Login, ...]:
        """Every account that may log in on the hosts."""
        return (self.ssh.user, *(user for user in self.access.users if user != self.ssh.user))

    @property
    def baselines(self) -> Mapping[HostName, BaselineSpec]:
        """The baseline of each host, with an hour of its own for security updates: never two hosts at once."""
        return {host: self._baseline(position) for position, host in enumerate(sorted(self.hosts))}

    @property
    def web_hosts(self) -> tuple[HostName, ...]:
        """In rolling order."""
        return self._present(self.web_servers.hosts)

    @property
    def web_labels(self) -> Mapping[HostName, str]:
        """A lost host keeps its number, so that no other page changes."""
        return {host: f"Server {number}" for number, host in enumerate(self.web_servers.hosts, start=1)}

    @property
    def balancer_hosts(self) -> tuple[HostName, ...]:
        """In rolling order: the backup, then the primary."""
        ordered = sorted(self.load_balancer.hosts, key=lambda host: host == self.virtual_ip.primary)
        return self._present(ordered)

    @property
    def key_value_hosts(self) -> tuple[HostName, ...]:
        """One, or none when it is lost: no second copy takes over."""
        return self._present((self.key_value_store.host,))

    def duties(self, host: HostName) -> tuple[Duty, ...]:
        """What the host does for clients."""
        everything: tuple[tuple[Duty, bool], ...] = (
            ("balancer", host in self.load_balancer.hosts),
            ("key-value", host == self.key_value_store.host),
            ("web", host in self.web_servers.hosts),
        )
        return tuple(duty for duty, has_it in everything if has_it)

    def _present(self, names: tuple[HostName, ...] | list[HostName]) -> tuple[HostName, ...]:
        return tuple(name for name in names if name not in self.lost_hosts)

    def _baseline(self, position: int) -> BaselineSpec:
        updates = self.baseline.security_updates
        hour = (int(updates.at[:2]) + position) % 24
        shifted = updates.model_copy(update={"at": f"{hour:02}{updates.at[2:]}"})
        return self.baseline.model_copy(update={"security_updates": shifted})

    def _machine(self, name: HostName) -> Machine:
        host = self.hosts[name]
        connection = Connection(address=host.address, **self.ssh.model_dump(exclude={"authorized_keys"}))
        return Machine(
            name=name,
            address=host.address,
            interface=host.interface,
            cores=host.cores,
            duties=self.duties(name),
            connection=connection,
            first_contact=self._first_contact(host.first_contact) if host.first_contact else None,
        )

    def _first_contact(self, given: FirstContactSettings) -> FirstContact:
        through = Bastion(**self.ssh.jump.model_dump()) if self.ssh.jump else None
        return FirstContact(
            user=given.user or self.ssh.user,
            password=given.password,
            port=given.port or self.ssh.port,
            jump=given.jump or through,
            authorized_keys=self.ssh.authorized_keys,
        )
