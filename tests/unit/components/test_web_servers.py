from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

import pytest

from components.web_servers import WebServers, WebServersArgs, WebServersOptions
from roles.balancer.spec import Server
from scripts.recording import Recording, Registration, record

from .conftest import fleet


def web(options: WebServersOptions | None = None) -> WebServers:
    hosts = fleet().hosts
    args = WebServersArgs(
        hosts=(hosts["app1"], hosts["app2"]),
        labels={"app1": "Server 1", "app2": "Server 2"},
        balancer_sources=(hosts["edge1"].machine.network, hosts["edge2"].machine.network),
        drain_notice_seconds=4,
        options=options or WebServersOptions(),
    )
    return WebServers("web", args)


@pytest.fixture
def recording() -> Recording:
    return record(web)


def units(recording: Recording, name: str) -> set[str]:
    role = cast("Mapping[str, Mapping[str, object]]", recording.resources[name].inputs["role"])
    return {unit for unit in role["units"] if unit.startswith("web@")}


def test_the_second_host_rolls_only_after_the_first_is_well(recording: Recording) -> None:
    assert "web-app1" in recording.resources["web-app2"].dependencies
    assert not any(name.startswith("web-") for name in recording.resources["web-app1"].dependencies)


def test_a_web_server_needs_all_of_its_own_host(recording: Recording) -> None:
    names = {"app1-preflight", "app1-firewall", "app1-sshd", "app1-kernel-profile", "app1-baseline"}
    assert {*recording.resources["web-app1"].dependencies} == names


def test_there_is_one_instance_per_core(recording: Recording) -> None:
    assert units(recording, "web-app1") == {"web@8001.service", "web@8002.service"}


def test_the_number_of_instances_can_be_given() -> None:
    recording = record(lambda: web(WebServersOptions(instances_per_host=1, first_port=9000)))
    assert units(recording, "web-app2") == {"web@9000.service"}


def test_every_instance_drains_before_it_restarts(recording: Recording) -> None:
    role = cast("Mapping[str, Mapping[str, Mapping[str, object]]]", recording.resources["web-app1"].inputs["role"])
    instances = [unit for name, unit in role["units"].items() if name.startswith("web@")]
    assert all(unit["drain"] is not None for unit in instances)


def test_each_host_says_who_it_is(recording: Recording, text: Callable[[Registration], str]) -> None:
    assert "Server 1" in text(recording.resources["web-app1"])
    assert "Server 2" not in text(recording.resources["web-app1"])
    assert "Server 2" in text(recording.resources["web-app2"])


def test_nobody_but_the_balancers_gets_to_an_instance(
    recording: Recording, text: Callable[[Registration], str]
) -> None:
    wall = text(recording.resources["web-app1"])
    assert "10.9.0.11" in wall
    assert "10.9.0.12" in wall
    assert "10.9.0.22" not in wall
    assert "192.0.2.10" not in wall
    assert "0.0.0.0/0" not in wall


def test_the_balancer_is_told_every_instance_and_meets_another_host_each_time() -> None:
    made: list[WebServers] = []
    record(lambda: made.append(web()))
    assert made[0].service(80).servers == (
        Server.model_validate({"name": "app1-8001", "address": "10.9.0.21", "port": 8001}),
        Server.model_validate({"name": "app2-8001", "address": "10.9.0.22", "port": 8001}),
        Server.model_validate({"name": "app1-8002", "address": "10.9.0.21", "port": 8002}),
        Server.model_validate({"name": "app2-8002", "address": "10.9.0.22", "port": 8002}),
    )


def test_both_hosts_serve_the_same_release(recording: Recording) -> None:
    releases = [
        cast("Mapping[str, Mapping[str, Mapping[str, str]]]", recording.resources[name].inputs["role"])["artifacts"]
        for name in ("web-app1", "web-app2")
    ]
    assert releases[0] == releases[1]
    assert releases[0]["/opt/soundstage/web"]["source"] == "apps/web"
