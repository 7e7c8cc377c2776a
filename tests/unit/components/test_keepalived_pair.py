from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_interface

import pulumi
import pytest

from components.keepalived_pair import KeepalivedPair, KeepalivedPairArgs, KeepalivedPairOptions
from components.load_balancer import LoadBalancer, LoadBalancerArgs, Service
from scripts.recording import Recording, Registration, record

from .conftest import CLIENTS, MANAGEMENT, fleet
from .test_load_balancer import SERVERS


def pair(*names: str, preempt: bool = False) -> KeepalivedPair:
    hosts = fleet().named(names)
    service = Service(name="web", port=80, servers=SERVERS)
    balancer_args = LoadBalancerArgs(
        hosts=hosts, services=(service,), client_sources=CLIENTS, management_sources=MANAGEMENT
    )
    options = KeepalivedPairOptions(address=ip_interface("10.9.0.100/24"), virtual_router_id=51, preempt=preempt)
    args = KeepalivedPairArgs(hosts=hosts, balancer=LoadBalancer("balancer", balancer_args), options=options)
    made = KeepalivedPair("virtual-ip", args)
    pulumi.export("virtual_ip", made.virtual_ip)
    pulumi.export("url", made.url(8100))
    return made


@pytest.fixture
def recording() -> Recording:
    return record(lambda: pair("edge2", "edge1"))


def test_the_backup_is_proven_before_the_primary_changes(recording: Recording) -> None:
    assert "virtual-ip-edge2" in recording.resources["virtual-ip-edge1"].dependencies
    assert "virtual-ip-edge1" not in recording.resources["virtual-ip-edge2"].dependencies


def test_no_host_can_hold_the_address_before_its_balancer_serves(recording: Recording) -> None:
    for name in ("virtual-ip-edge1", "virtual-ip-edge2"):
        assert {"balancer-edge1", "balancer-edge2"} <= {*recording.resources[name].dependencies}


@pytest.mark.parametrize("preview", [False, True])
def test_the_virtual_ip_is_known_and_no_secret(*, preview: bool) -> None:
    recording = record(lambda: pair("edge2", "edge1"), preview=preview)
    assert recording.outputs["virtual_ip"] == "10.9.0.100"
    assert recording.outputs["url"] == "http://10.9.0.100:8100/"
    assert recording.secret_outputs == ()
    assert recording.registered_outputs["virtual-ip"] == {"virtual_ip": "10.9.0.100"}


def test_no_role_of_the_pair_is_a_secret(recording: Recording) -> None:
    assert recording.resources["virtual-ip-edge1"].secret == ()
    assert recording.resources["virtual-ip-edge2"].secret == ()


def test_the_primary_has_the_higher_priority(recording: Recording, text: Callable[[Registration], str]) -> None:
    assert "priority 254" in text(recording.resources["virtual-ip-edge1"])
    assert "priority 253" in text(recording.resources["virtual-ip-edge2"])


def test_a_host_talks_to_its_peer_and_to_nobody_else(recording: Recording, text: Callable[[Registration], str]) -> None:
    written = text(recording.resources["virtual-ip-edge1"])
    assert "10.9.0.12" in written
    assert "10.9.0.21" not in written
    assert "198.51.100" not in written


def test_one_host_alone_holds_the_address_and_has_no_peer(text: Callable[[Registration], str]) -> None:
    recording = record(lambda: pair("edge2"))
    nodes = [item for item in recording.of_type("soundstage:host:Role") if item.parent == "virtual-ip"]
    assert [item.name for item in nodes] == ["virtual-ip-edge2"]
    assert "10.9.0.11" not in text(nodes[0])
    assert recording.outputs["virtual_ip"] == "10.9.0.100"
