"""What a load balancer does, whichever engine does it (haproxy, nginx)."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from roles.model import Account, Seconds
from roles.spec import Address, Name, Network, Port, Spec, UrlPath

Algorithm = Literal["round_robin", "least_connections", "source"]
"""`source` keeps a client on one server by a hash of its address."""

STATISTICS_PASSWORD = "statistics_password"  # noqa: S105 - the name of the leaf, not a password
"""The `Late` leaf that carries the password of the statistics page."""


class HealthCheck(Spec):
    """Asks `path` of every server; anything but 200 counts as a failure, which is also how a server drains."""

    path: UrlPath = "/health"
    interval_seconds: Seconds = 1
    timeout_seconds: Seconds = 1
    fall: Annotated[int, Field(ge=1, le=10)] = 2
    rise: Annotated[int, Field(ge=1, le=10)] = 2

    @property
    def notice_seconds(self) -> float:
        """How long it takes at most until a server that says "drain" gets no new request."""
        return self.fall * (self.interval_seconds + self.timeout_seconds)


class Server(Spec):
    """One instance behind the balancer."""

    name: Name
    address: Address
    port: Port


class Upstream(Spec):
    """Servers that answer the same requests."""

    name: Name
    servers: tuple[Server, ...] = Field(min_length=1)
    algorithm: Algorithm = "round_robin"
    health_check: HealthCheck = HealthCheck()
    response_timeout_seconds: Seconds = 30
    tunnel_timeout_seconds: Seconds = 3600
    """How long a WebSocket may be silent."""

    @model_validator(mode="after")
    def _servers_are_distinct(self) -> Self:
        names = [server.name for server in self.servers]
        endpoints = [(server.address, server.port) for server in self.servers]
        if len(set(names)) < len(names) or len(set(endpoints)) < len(endpoints):
            raise ValueError(f"upstream {self.name}: every server needs its own name and its own address and port")
        return self


class Frontend(Spec):
    """Where clients come in. `addresses` may hold the virtual IP; the default is every address of the host."""

    name: Name
    port: Port
    upstream: Name
    addresses: tuple[Address, ...] = Field(default=(IPv4Address(0), IPv6Address(0)), min_length=1)
    client_sources: tuple[Network, ...] = Field(min_length=1)
    health_path: UrlPath = "/healthz"
    """Answered by the balancer itself, for a cloud balancer or a monitor in front of it."""


class Statistics(Spec):
    """The statistics page (and metrics) on an internal address; its password is the leaf `statistics_password`."""

    address: Address
    port: Port = 8404
    user: Account = "operator"
    sources: tuple[Network, ...] = Field(min_length=1)


class BalancerSpec(Spec):
    """A whole balancer. `maintenance` names servers (`upstream/server`) that are declared out of service."""

    frontends: tuple[Frontend, ...] = Field(min_length=1)
    upstreams: tuple[Upstream, ...] = Field(min_length=1)
    statistics: Statistics
    maintenance: tuple[str, ...] = ()
    health_port: Port = 8405
    """On 127.0.0.1: what keepalived's check asks."""
    trusted_proxies: tuple[Network, ...] = ()
    """Balancers in front of this one: only their `X-Forwarded-For` is believed."""
    max_connections: Annotated[int, Field(ge=100, le=1_000_000)] = 20_000
    old_worker_seconds: Annotated[int, Field(ge=1, le=86_400)] = 3600
    """After a reload the old worker serves its connections this long at most."""

    @property
    def health_url(self) -> str:
        """Answers 200 on the host itself as long as the balancer serves."""
        return f"http://127.0.0.1:{self.health_port}/healthz"

    @model_validator(mode="after")
    def _names_fit_together(self) -> Self:
        upstreams = {upstream.name: upstream for upstream in self.upstreams}
        servers = {f"{upstream.name}/{server.name}" for upstream in self.upstreams for server in upstream.servers}
        ports = [frontend.port for frontend in self.frontends] + [self.statistics.port, self.health_port]
        problems = [
            f"frontend {frontend.name}: no upstream {frontend.upstream}; there are {', '.join(upstreams)}"
            for frontend in self.frontends
            if frontend.upstream not in upstreams
        ]
        problems += [
            f"maintenance: no server {name}; there are {', '.join(sorted(servers))}"
            for name in self.maintenance
            if name not in servers
        ]
        if len(set(ports)) < len(ports):
            problems.append(f"every frontend, the statistics and the health check need their own port, not {ports}")
        if len(upstreams) < len(self.upstreams):
            problems.append("every upstream needs its own name")
        if problems:
            raise ValueError("; ".join(problems))
        return self
