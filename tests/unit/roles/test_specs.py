"""What the roles' specs refuse, and the values that are worked out from them."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address, ip_interface, ip_network

import pytest
from pydantic import ValidationError

from roles import preflight
from roles.balancer.spec import BalancerSpec, Frontend, HealthCheck, Server, Statistics, Upstream
from roles.firewall.spec import FirewallSpec
from roles.keepalived.spec import KeepalivedSpec
from roles.model import Requirements
from roles.nft import Admit, rule_lines
from roles.preflight.spec import PreflightSpec
from roles.spec import Spec
from roles.sshd.spec import SshdSpec

ANYWHERE = (ip_network("0.0.0.0/0"),)


def frontend(name: str, port: int, upstream: str = "web") -> Frontend:
    return Frontend(name=name, port=port, upstream=upstream, client_sources=ANYWHERE)


def upstream(*ports: int) -> Upstream:
    address = ip_address("10.0.0.3")
    return Upstream(name="web", servers=tuple(Server(name=f"s{port}", address=address, port=port) for port in ports))


def balancer(*frontends: Frontend, maintenance: tuple[str, ...] = ()) -> BalancerSpec:
    statistics = Statistics(address=ip_address("10.0.0.1"), sources=ANYWHERE)
    return BalancerSpec(
        frontends=frontends, upstreams=(upstream(8001),), statistics=statistics, maintenance=maintenance
    )


def keepalived(virtual_ip: str, peer: str) -> KeepalivedSpec:
    return KeepalivedSpec(
        host="edge1",
        interface="eth0",
        address=ip_address("10.0.0.1"),
        peers=(ip_address(peer),),
        virtual_ip=ip_interface(virtual_ip),
        virtual_router_id=1,
        priority=100,
        health_url="http://127.0.0.1:8405/healthz",
    )


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: balancer(frontend("a", 80, "wep")), "frontend a: no upstream wep; there are web"),
        (lambda: balancer(frontend("a", 80), maintenance=("web/s1",)), "no server web/s1; there are web/s8001"),
        (lambda: balancer(frontend("a", 80), frontend("b", 80)), "need their own port"),
        (lambda: balancer(frontend("a", 8404)), "need their own port"),
        (lambda: upstream(8001, 8001), "every server needs its own name"),
        (lambda: keepalived("10.0.0.1/24", "10.0.0.2"), "must all be different"),
        (lambda: keepalived("10.0.0.9/24", "10.0.0.1"), "must all be different"),
        (lambda: keepalived("fd00::9/64", "10.0.0.2"), "all be IPv4 or all be IPv6"),
        (lambda: SshdSpec(address=ip_address("10.0.0.1"), users=("root",)), "root never logs in"),
        (lambda: SshdSpec(address=ip_address("10.0.0.1"), users=()), "at least 1 item"),
        (lambda: FirewallSpec(management_sources=()), "at least 1 item"),
        (
            lambda: PreflightSpec(duties=(Requirements(systems=("debian:12",)), Requirements(systems=("debian:13",)))),
            "their systems have nothing in common",
        ),
    ],
)
def test_a_spec_that_cannot_work_is_refused_by_name(build: Callable[[], Spec], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        build()


def test_a_drain_is_noticed_after_the_last_failed_check_at_the_latest() -> None:
    assert HealthCheck(interval_seconds=1.5, timeout_seconds=0.5, fall=3).notice_seconds == 6


def test_a_preflight_asks_for_the_most_that_any_duty_needs() -> None:
    duties = (
        Requirements(systems=("debian:12", "ubuntu:24.04"), kernel="5.4", memory_bytes=10, clock_offset_seconds=2),
        Requirements(kernel="5.10", memory_bytes=5, cpus=2, interfaces=("eth1",), clock_offset_seconds=0.5),
        Requirements(systems=("debian:12",), interfaces=("eth0", "eth1")),
    )
    assert preflight.role(PreflightSpec(duties=duties)).requires == Requirements(
        systems=("debian:12",),
        kernel="5.10",
        memory_bytes=10,
        cpus=2,
        clock_offset_seconds=0.5,
        interfaces=("eth0", "eth1"),
    )


def test_sources_that_overlap_become_one_and_families_are_kept_apart() -> None:
    sources = tuple(map(ip_network, ("10.0.0.0/8", "10.1.0.0/16", "192.0.2.1", "fd00::/64")))
    assert rule_lines(Admit(sources, (80, 443)), "web") == [
        'ip saddr { 10.0.0.0/8, 192.0.2.1 } tcp dport { 80, 443 } accept comment "web"',
        'ip6 saddr { fd00::/64 } tcp dport { 80, 443 } accept comment "web"',
    ]


def test_nobody_is_admitted_where_no_source_is_given() -> None:
    assert rule_lines(Admit((), (80,)), "web") == []
