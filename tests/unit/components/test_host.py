from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

import pytest

from scripts.recording import Recording, Registration, record

from .conftest import fleet


@pytest.fixture
def recording() -> Recording:
    return record(fleet)


def test_a_host_has_a_preflight_a_wall_a_hardened_door_a_kernel_profile_and_a_baseline(recording: Recording) -> None:
    roles = {item.name for item in recording.of_type("soundstage:host:Role") if item.parent == "edge1"}
    assert roles == {"edge1-preflight", "edge1-firewall", "edge1-sshd", "edge1-kernel-profile", "edge1-baseline"}


def test_nothing_changes_on_a_host_before_its_preflight(recording: Recording) -> None:
    later = [item for item in recording.of_type("soundstage:host:Role") if not item.name.endswith("-preflight")]
    assert len(later) == 16
    assert all(f"{item.parent}-preflight" in item.dependencies for item in later)


@pytest.mark.parametrize("role", ["firewall", "sshd", "kernel-profile"])
@pytest.mark.parametrize("host", ["app2", "edge1", "edge2"])
def test_a_risky_change_reaches_the_first_host_before_the_others(recording: Recording, host: str, role: str) -> None:
    assert {"app1-firewall", "app1-sshd", "app1-kernel-profile"} <= {
        *recording.resources[f"{host}-{role}"].dependencies
    }


def test_the_first_host_waits_for_no_other(recording: Recording) -> None:
    first = [item for item in recording.resources.values() if item.parent == "app1"]
    assert {name for item in first for name in item.dependencies if not name.startswith("app1-")} == set()


def test_time_and_updates_do_not_wait_for_the_first_host(recording: Recording) -> None:
    assert recording.resources["edge2-baseline"].dependencies == ("edge2-preflight",)


def test_the_preflight_asks_for_what_the_duties_count_on(recording: Recording) -> None:
    role = cast("Mapping[str, Mapping[str, object]]", recording.resources["app1-preflight"].inputs["role"])
    assert role["requires"] == {
        "systems": ["debian:12", "debian:13", "ubuntu:22.04", "ubuntu:24.04"],
        "architectures": ["x86_64", "aarch64"],
        "kernel": "5.10",
        "memory_bytes": 536_870_912,
        "disk_free_bytes": 1_073_741_824,
        "cpus": 2,
        "clock_offset_seconds": 2,
        "interfaces": ["eth0"],
    }


def test_only_the_management_network_gets_to_ssh(recording: Recording, text: Callable[[Registration], str]) -> None:
    wall = text(recording.resources["edge1-firewall"])
    assert "192.0.2.10" in wall
    assert "198.51.100" not in wall


def test_only_the_given_accounts_log_in(recording: Recording, text: Callable[[Registration], str]) -> None:
    assert "AllowUsers deploy\n" in text(recording.resources["edge1-sshd"])


def test_what_can_lock_us_out_is_undone_unless_confirmed(recording: Recording) -> None:
    seconds = {
        item.name: cast("Mapping[str, float]", item.inputs["role"])["confirm_seconds"]
        for item in recording.of_type("soundstage:host:Role")
        if item.parent == "edge1"
    }
    assert {name for name, value in seconds.items() if value > 0} == {"edge1-firewall", "edge1-sshd"}


def test_a_host_is_no_secret(recording: Recording) -> None:
    assert [item.name for item in recording.resources.values() if item.secret] == []
    assert recording.registered_outputs["edge1"] == {"address": "10.9.0.11"}
