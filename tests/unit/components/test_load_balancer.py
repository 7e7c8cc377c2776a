from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

import pytest

from components.load_balancer import LoadBalancer, LoadBalancerArgs, LoadBalancerOptions, Service
from roles.balancer.spec import Server
from scripts.recording import Recording, Registration, record

from .conftest import CLIENTS, MANAGEMENT, fleet

SERVERS = (
    Server.model_validate({"name": "app1-8001", "address": "10.9.0.21", "port": 8001}),
    Server.model_validate({"name": "app2-8001", "address": "10.9.0.22", "port": 8001}),
)


def balancer(options: LoadBalancerOptions | None = None) -> LoadBalancer:
    hosts = fleet().hosts
    args = LoadBalancerArgs(
        hosts=(hosts["edge2"], hosts["edge1"]),
        services=(Service(name="web", port=80, servers=SERVERS),),
        client_sources=CLIENTS,
        management_sources=MANAGEMENT,
        options=options or LoadBalancerOptions(),
    )
    return LoadBalancer("balancer", args)


@pytest.fixture
def recording() -> Recording:
    return record(balancer)


def test_the_backup_rolls_before_the_primary(recording: Recording) -> None:
    assert "balancer-edge2" in recording.resources["balancer-edge1"].dependencies
    assert "balancer-edge1" not in recording.resources["balancer-edge2"].dependencies


def test_the_password_is_generated_and_goes_to_the_engine_as_a_secret(recording: Recording) -> None:
    assert recording.resources["balancer-statistics"].type == "soundstage:secret:Password"
    for name in ("balancer-edge1", "balancer-edge2"):
        (secret,) = recording.resources[name].secret
        assert secret.startswith("role.files.")


def test_the_public_configuration_holds_no_password(recording: Recording) -> None:
    role = cast("Mapping[str, Mapping[str, Mapping[str, str]]]", recording.resources["balancer-edge1"].inputs["role"])
    holders = [path for path, file in role["files"].items() if "balancer-statistics.value" in file["content"]]
    assert len(holders) == 1
    assert role["files"][holders[0]]["mode"] in {"0400", "0600", "0640"}


def test_a_preview_shows_every_file_but_the_one_with_the_password() -> None:
    resource = record(balancer, preview=True).resources["balancer-edge1"]
    assert len(resource.unknown) == 1
    assert resource.unknown[0].endswith(".content")


@pytest.mark.parametrize("engine", ["haproxy", "nginx"])
def test_either_engine_balances_the_same_servers(engine: str, text: Callable[[Registration], str]) -> None:
    options = LoadBalancerOptions.model_validate({"engine": engine})
    resource = record(lambda: balancer(options)).resources["balancer-edge1"]
    assert cast("Mapping[str, str]", resource.inputs["role"])["name"] == engine
    assert "10.9.0.21:8001" in text(resource)
    assert "10.9.0.22:8001" in text(resource)


def test_clients_get_to_the_service_and_management_to_the_statistics(
    recording: Recording, text: Callable[[Registration], str]
) -> None:
    written = text(recording.resources["balancer-edge1"])
    assert "198.51.100.0/24" in written
    assert "192.0.2.10" in written
    assert "10.9.0.11:8404" in written
    assert "10.9.0.12" not in written


def test_the_endpoint_contract_is_public_and_known_in_a_preview() -> None:
    for preview in (False, True):
        outputs = record(balancer, preview=preview).registered_outputs["balancer"]
        assert outputs == {"addresses": ["10.9.0.12", "10.9.0.11"], "ports": [80], "health_path": "/healthz"}


def test_maintenance_of_a_server_whose_host_is_lost_is_left_out(text: Callable[[Registration], str]) -> None:
    options = LoadBalancerOptions(maintenance=("web/app1-8001", "web/app9-8001"))
    written = text(record(lambda: balancer(options)).resources["balancer-edge1"])
    assert "app9" not in written


def test_a_higher_generation_asks_for_a_new_password() -> None:
    options = LoadBalancerOptions.model_validate({"statistics": {"password_generation": 3}})
    recording = record(lambda: balancer(options))
    assert recording.resources["balancer-statistics"].inputs == {"length": 32, "generation": 3}
