"""The load balancer in front of the services, on every edge host alike.

The endpoint contract, for a cloud balancer that stands in front instead of the virtual IP: every balancer host answers
on `ports` of its own address, and `health_path` answers 200 there as long as the host should get traffic. What stands
in front belongs into `trusted_proxies`, so that the client's address survives.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import pulumi
from pydantic import Field

from components.host import Host
from components.host_role import HostRole, HostRoleArgs
from components.secrets import Password, PasswordArgs
from components.values import Machine, Value, http_url
from roles import haproxy, nginx
from roles.balancer.spec import (
    STATISTICS_PASSWORD,
    Algorithm,
    BalancerSpec,
    Frontend,
    HealthCheck,
    Server,
    Statistics,
    Upstream,
)
from roles.model import Account, Seconds
from roles.spec import Name, Network, Port, UrlPath

Engine = Literal["haproxy", "nginx"]
_ENGINES = {"haproxy": haproxy, "nginx": nginx}


class StatisticsOptions(Value):
    """A page on each balancer's own address. A higher `password_generation` makes a new password."""

    port: Port = 8404
    user: Account = "operator"
    password_generation: Annotated[int, Field(ge=1)] = 1


class LoadBalancerOptions(Value):
    """What an operator chooses; every service behind the balancer is balanced and checked alike."""

    engine: Engine = "haproxy"
    algorithm: Algorithm = "round_robin"
    port: Port = 80
    health_path: UrlPath = "/healthz"
    """Where a balancer host says that it serves."""
    health_port: Port = 8405
    """On the host itself only: what keepalived asks."""
    health_check: HealthCheck = HealthCheck()
    """How the servers behind the balancer are asked."""
    response_timeout_seconds: Seconds = 30
    tunnel_timeout_seconds: Seconds = 3600
    """How long a WebSocket may be silent."""
    statistics: StatisticsOptions = StatisticsOptions()
    maintenance: tuple[str, ...] = ()
    """Servers out of service, as `web/app1-8001`."""
    trusted_proxies: tuple[Network, ...] = ()
    max_connections: Annotated[int, Field(ge=100, le=1_000_000)] = 20_000
    old_worker_seconds: Annotated[int, Field(ge=1, le=86_400)] = 3600
    """After a reload the old worker serves its connections this long at most."""


class Service(Value):
    """What the balancer serves on `port`: the same requests, answered by any of `servers`."""

    name: Name
    port: Port
    servers: tuple[Server, ...] = Field(min_length=1)


class LoadBalancerArgs(Value):
    """`hosts` in rolling order, the backup first; `after` are the roles that must serve before the balancer does."""

    hosts: tuple[Host, ...] = Field(min_length=1)
    services: tuple[Service, ...] = Field(min_length=1)
    client_sources: tuple[Network, ...]
    management_sources: tuple[Network, ...]
    after: tuple[HostRole, ...] = ()
    options: LoadBalancerOptions = LoadBalancerOptions()


class LoadBalancer(pulumi.ComponentResource):
    """Shares requests among the servers that are well, on several hosts with the same configuration."""

    engine: Engine
    ports: tuple[int, ...]
    health_path: str
    health_url: str
    """Answers 200 on a balancer host itself as long as its balancer serves."""
    roles: tuple[HostRole, ...]
    statistics: Mapping[str, pulumi.Input[str]]
    """What a person needs for the statistics page of the primary, the last host in rolling order."""

    def __init__(self, name: str, args: LoadBalancerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("soundstage:network:LoadBalancer", name, None, opts)
        options = args.options
        generation = PasswordArgs(generation=options.statistics.password_generation)
        password = Password(f"{name}-statistics", generation, pulumi.ResourceOptions(parent=self))
        roles: list[HostRole] = []
        for host in args.hosts:
            roles.append(self._on(host, name, args, password, after=roles[-1:]))
        primary = args.hosts[-1].machine
        self.roles = tuple(roles)
        self.engine = options.engine
        self.ports = tuple(service.port for service in args.services)
        self.health_path = options.health_path
        self.health_url = _spec(args, primary).health_url
        self.statistics = {
            "statistics_url": http_url(primary.address, options.statistics.port),
            "statistics_user": options.statistics.user,
            "statistics_password": password.value,
            "statistics_password_command": "pulumi stack output statistics_password --show-secrets",
        }
        addresses = [str(host.machine.address) for host in args.hosts]
        self.register_outputs({"addresses": addresses, "ports": list(self.ports), "health_path": self.health_path})

    def _on(self, host: Host, name: str, args: LoadBalancerArgs, password: Password, after: list[HostRole]) -> HostRole:
        role = _ENGINES[args.options.engine].role(_spec(args, host.machine))
        return HostRole(
            f"{name}-{host.machine.name}",
            HostRoleArgs(machine=host.machine, role=role, late={STATISTICS_PASSWORD: password.value}),
            pulumi.ResourceOptions(parent=self, depends_on=[host, *args.after, *after]),
        )


def _spec(args: LoadBalancerArgs, machine: Machine) -> BalancerSpec:
    options = args.options
    servers = {f"{service.name}/{server.name}" for service in args.services for server in service.servers}
    return BalancerSpec(
        frontends=tuple(_frontend(service, args) for service in args.services),
        upstreams=tuple(_upstream(service, options) for service in args.services),
        statistics=Statistics(
            address=machine.address,
            port=options.statistics.port,
            user=options.statistics.user,
            sources=args.management_sources,
        ),
        # A server whose host is lost is not there to be out of service.
        maintenance=tuple(name for name in options.maintenance if name in servers),
        health_port=options.health_port,
        trusted_proxies=options.trusted_proxies,
        max_connections=options.max_connections,
        old_worker_seconds=options.old_worker_seconds,
    )


def _frontend(service: Service, args: LoadBalancerArgs) -> Frontend:
    return Frontend(
        name=service.name,
        port=service.port,
        upstream=service.name,
        client_sources=args.client_sources,
        health_path=args.options.health_path,
    )


def _upstream(service: Service, options: LoadBalancerOptions) -> Upstream:
    return Upstream(
        name=service.name,
        servers=service.servers,
        algorithm=options.algorithm,
        health_check=options.health_check,
        response_timeout_seconds=options.response_timeout_seconds,
        tunnel_timeout_seconds=options.tunnel_timeout_seconds,
    )
