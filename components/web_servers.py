"""The web application on the application hosts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import pulumi
from pydantic import Field

from components.host import Host
from components.host_role import HostRole, HostRoleArgs
from components.load_balancer import Service
from components.releases import release
from components.values import Machine, Value
from roles import web_server
from roles.balancer.spec import Server
from roles.model import Seconds
from roles.spec import Network, Port
from roles.web_server.spec import WebServerSpec


class WebServersOptions(Value):
    """What an operator chooses. Instances listen on `first_port` and the ports after it."""

    first_port: Annotated[int, Field(ge=1024, le=65_000)] = 8001
    instances_per_host: Annotated[int | None, Field(ge=1, le=256)] = None
    """None means one per core of the host."""
    drain_wait_seconds: Seconds = 60
    """How long an instance that is to be restarted waits for its sessions to end."""

    def ports(self, cores: int) -> tuple[Port, ...]:
        """The ports of the instances on a host with that many cores."""
        count = cores if self.instances_per_host is None else self.instances_per_host
        return tuple(range(self.first_port, self.first_port + count))

    def server_name(self, host: str, port: int) -> str:
        """What the balancer calls the instance; part of the name of its maintenance switch."""
        return f"{host}-{port}"


class WebServersArgs(Value):
    """`hosts` in rolling order; `labels` is what the page of each host says."""

    hosts: tuple[Host, ...] = Field(min_length=1)
    labels: Mapping[str, str]
    balancer_sources: tuple[Network, ...]
    drain_notice_seconds: Seconds
    """How long the balancers take to see that an instance drains."""
    options: WebServersOptions = WebServersOptions()


class WebServers(pulumi.ComponentResource):
    """The web application: every instance drains before it restarts, and host n+1 follows host n."""

    servers: tuple[Server, ...]
    """Every instance, for a balancer."""
    roles: tuple[HostRole, ...]

    def __init__(self, name: str, args: WebServersArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("soundstage:web:WebServers", name, None, opts)
        self._name = name
        roles: list[HostRole] = []
        for host in args.hosts:
            # A host that does not come up well stops the roll; those not yet touched go on serving.
            roles.append(self._on(host, name, args, after=roles[-1:]))
        self.roles = tuple(roles)
        every = [server for host in args.hosts for server in _servers(host.machine, args.options)]
        # Instance by instance across the hosts: who asks twice in a row meets two hosts.
        self.servers = tuple(sorted(every, key=lambda server: server.port))
        self.register_outputs({"servers": [f"{server.address}:{server.port}" for server in self.servers]})

    def service(self, port: int) -> Service:
        """For a balancer that answers on `port`."""
        return Service(name=self._name, port=port, servers=self.servers)

    def _on(self, host: Host, name: str, args: WebServersArgs, after: list[HostRole]) -> HostRole:
        machine = host.machine
        application = release("web")
        spec = WebServerSpec(
            address=machine.address,
            ports=args.options.ports(machine.cores),
            label=args.labels[machine.name],
            balancer_sources=args.balancer_sources,
            release_sha256=application.sha256,
            release_source=application.source,
            drain_notice_seconds=args.drain_notice_seconds,
            drain_wait_seconds=args.options.drain_wait_seconds,
        )
        return HostRole(
            f"{name}-{machine.name}",
            HostRoleArgs(machine=machine, role=web_server.role(spec)),
            pulumi.ResourceOptions(parent=self, depends_on=[host, *after]),
        )


def _servers(machine: Machine, options: WebServersOptions) -> tuple[Server, ...]:
    return tuple(
        Server(name=options.server_name(machine.name, port), address=machine.address, port=port)
        for port in options.ports(machine.cores)
    )
