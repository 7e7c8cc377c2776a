"""What no single section can say about itself: whether the sections fit together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import cast

from pydantic import BaseModel, ConfigDict

from components.values import HostName
from settings.model import (
    HostSettings,
    KeyValueStoreSettings,
    LoadBalancerSettings,
    SshSettings,
    VirtualIpSettings,
    WebServersSettings,
)
from settings.problems import Problem, nearest

_INSTANCES_PER_CORE = 4
"""Beyond that the instances of a host only wait for each other."""

_KEYS_OF_HOSTS = (
    "lost_hosts",
    "baseline.first_host",
    "web_servers.hosts",
    "load_balancer.hosts",
    "virtual_ip.primary",
    "key_value_store.host",
)


class Sections(BaseModel):
    """The sections that are well by themselves; None stands for one that is not, and is reported already."""

    model_config = ConfigDict(frozen=True)

    ssh: SshSettings | None = None
    hosts: Mapping[HostName, HostSettings] | None = None
    lost_hosts: tuple[HostName, ...] | None = None
    web_servers: WebServersSettings | None = None
    load_balancer: LoadBalancerSettings | None = None
    virtual_ip: VirtualIpSettings | None = None
    key_value_store: KeyValueStoreSettings | None = None


def mismatches(sections: Sections, raw: Mapping[str, object]) -> list[Problem]:
    """Everything that does not fit together; host names are looked at in `raw`, also where a section is not well."""
    checks = (
        _duplicate_addresses,
        _virtual_ip_in_the_wrong_place,
        _virtual_router_id_taken,
        _conflicting_duties,
        _duplicate_ports,
        _too_many_instances,
        _unknown_servers,
        _nobody_left,
    )
    return [*_host_names(raw), *(problem for check in checks for problem in check(sections))]


def _host_names(raw: Mapping[str, object]) -> Iterator[Problem]:
    hosts = raw.get("hosts")
    known = sorted(cast("Mapping[str, object]", hosts)) if isinstance(hosts, dict) else []
    for key in _KEYS_OF_HOSTS:
        named = _names_at(raw, key)
        for name in dict.fromkeys(named):
            if known and name not in known:
                yield Problem(key=key, given=repr(name), allowed=", ".join(known), remedy=nearest(name, known))
            if named.count(name) > 1:
                yield Problem(key=key, given=f"{name!r} more than once", allowed="each host once", remedy="keep one")


def _names_at(raw: Mapping[str, object], key: str) -> list[str]:
    value: object = raw
    for step in key.split("."):
        value = cast("Mapping[str, object]", value).get(step) if isinstance(value, dict) else None
    entries = cast("list[object]", value) if isinstance(value, list) else [value]
    return [entry for entry in entries if isinstance(entry, str)]


def _duplicate_addresses(sections: Sections) -> Iterator[Problem]:
    if sections.hosts is None:
        return
    owners: dict[str, list[str]] = defaultdict(list)
    for name, host in sections.hosts.items():
        owners[str(host.address)].append(name)
    for address, names in owners.items():
        for name in names[1:]:
            yield Problem(
                key=f"hosts.{name}.address",
                given=f"{address}, which {names[0]} has too",
                allowed="an address of its own",
                remedy="correct one of the two",
            )


def _virtual_ip_in_the_wrong_place(sections: Sections) -> Iterator[Problem]:
    if sections.virtual_ip is None or sections.hosts is None:
        return
    virtual = sections.virtual_ip.address
    key, given, network = "virtual_ip.address", str(virtual), virtual.network
    if network.num_addresses > 2 and virtual.ip in (network.network_address, network.broadcast_address):
        yield Problem(
            key=key,
            given=given,
            allowed=f"an address of a host in {network}",
            remedy="take a free one, with its prefix",
        )
    for name, host in sections.hosts.items():
        if host.address == virtual.ip:
            yield Problem(
                key=key,
                given=f"{given}, which is the address of {name}",
                allowed="an address no host has",
                remedy="take a free one of the same network",
            )
    for name in sections.load_balancer.hosts if sections.load_balancer else ():
        balancer = sections.hosts.get(name)
        if balancer is not None and balancer.address not in network:
            yield Problem(
                key=key,
                given=f"{given}, a network without {name} ({balancer.address})",
                allowed="an address of the network both balancers are in",
                remedy="correct the address or its prefix",
            )


def _virtual_router_id_taken(sections: Sections) -> Iterator[Problem]:
    virtual = sections.virtual_ip
    if virtual is not None and virtual.virtual_router_id in virtual.foreign_router_ids:
        yield Problem(
            key="virtual_ip.virtual_router_id",
            given=f"{virtual.virtual_router_id}, which another group of the network has (foreign_router_ids)",
            allowed="1 to 255, each once in a network",
            remedy="take a free one",
        )


def _conflicting_duties(sections: Sections) -> Iterator[Problem]:
    balancers = sections.load_balancer.hosts if sections.load_balancer else ()
    virtual = sections.virtual_ip
    if virtual is not None and balancers and virtual.primary not in balancers:
        yield Problem(
            key="virtual_ip.primary",
            given=f"{virtual.primary!r}, which is no balancer",
            allowed=" or ".join(balancers),
            remedy="name the balancer that holds the address when both are well",
        )
    applications = {
        "web_servers.hosts": sections.web_servers.hosts if sections.web_servers else (),
        "key_value_store.host": (sections.key_value_store.host,) if sections.key_value_store else (),
    }
    for key, names in applications.items():
        for name in sorted({*names} & {*balancers}):
            yield Problem(
                key=key,
                given=f"{name!r}, which is a balancer",
                allowed="hosts that are not in load_balancer.hosts",
                remedy="choose another host: one loss must not take a balancer and what it balances",
            )


def _duplicate_ports(sections: Sections) -> Iterator[Problem]:
    if sections.hosts is None or sections.ssh is None:
        return
    for name in sections.hosts:
        users: dict[int, list[str]] = defaultdict(list)
        for key, port in [("ssh.port", sections.ssh.port), *_ports(sections, name)]:
            users[port].append(key)
        for port, keys in users.items():
            if len(keys) > 1:
                yield Problem(
                    key=keys[-1],
                    given=f"{port}, which {keys[0]} has too on {name}",
                    allowed="a port of its own",
                    remedy="change one of the two",
                )


def _ports(sections: Sections, name: HostName) -> Iterator[tuple[str, int]]:
    """Every port a duty of the host listens on, after the key it comes from."""
    web, balancer, store = sections.web_servers, sections.load_balancer, sections.key_value_store
    if web is not None and name in web.hosts and sections.hosts is not None:
        yield from (("web_servers.first_port", port) for port in web.ports(sections.hosts[name].cores))
    if balancer is not None and name in balancer.hosts:
        yield "load_balancer.port", balancer.port
        yield "load_balancer.health_port", balancer.health_port
        yield "load_balancer.statistics.port", balancer.statistics.port
    if store is not None and (name == store.host or (balancer is not None and name in balancer.hosts)):
        yield "key_value_store.port", store.port


def _too_many_instances(sections: Sections) -> Iterator[Problem]:
    web = sections.web_servers
    if web is None or web.instances_per_host is None or sections.hosts is None:
        return
    for name in web.hosts:
        most = _INSTANCES_PER_CORE * sections.hosts[name].cores if name in sections.hosts else web.instances_per_host
        if web.instances_per_host > most:
            yield Problem(
                key="web_servers.instances_per_host",
                given=f"{web.instances_per_host} on {name}",
                allowed=f"1 to {most} ({_INSTANCES_PER_CORE} per core)",
                remedy=f"lower it or raise hosts.{name}.cores",
            )


def _unknown_servers(sections: Sections) -> Iterator[Problem]:
    web, balancer = sections.web_servers, sections.load_balancer
    if web is None or balancer is None or sections.hosts is None:
        return
    hosts = {name: sections.hosts[name] for name in web.hosts if name in sections.hosts}
    known = [f"web/{web.server_name(name, port)}" for name, host in hosts.items() for port in web.ports(host.cores)]
    for name in balancer.maintenance:
        if name not in known:
            yield Problem(
                key="load_balancer.maintenance", given=repr(name), allowed=", ".join(known), remedy=nearest(name, known)
            )


def _nobody_left(sections: Sections) -> Iterator[Problem]:
    duties = {
        "web_servers.hosts": sections.web_servers.hosts if sections.web_servers else (),
        "load_balancer.hosts": sections.load_balancer.hosts if sections.load_balancer else (),
    }
    for key, names in duties.items():
        if names and sections.lost_hosts and not {*names} - {*sections.lost_hosts}:
            yield Problem(
                key="lost_hosts",
                given=f"every host of {key}",
                allowed="losses that leave one",
                remedy=f"add a new host to hosts and {key}",
            )
