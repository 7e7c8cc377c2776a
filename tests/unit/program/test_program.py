"""The whole program, as the engine would see it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest

from scripts import graph
from scripts.recording import PROJECT, Recording, record_stack

GOLDEN = PROJECT / "tests" / "unit" / "golden" / "graph.lab.json"


@pytest.fixture(scope="module")
def lab() -> Recording:
    return record_stack("lab")


def shape(recording: Recording) -> dict[str, object]:
    """What a reviewer wants to see change: type, parent, order, what is secret."""
    return {
        name: {
            "type": item.type,
            "parent": item.parent,
            "depends_on": list(item.dependencies),
            "secret": [*item.secret, *item.secret_outputs],
        }
        for name, item in sorted(recording.resources.items())
    }


def test_the_graph_of_the_lab_is_the_one_that_was_agreed_on(lab: Recording, tmp_path: Path) -> None:
    actual = tmp_path / "graph.lab.json"
    actual.write_text(json.dumps(shape(lab), indent=2) + "\n")
    assert actual.read_text() == GOLDEN.read_text(), f"if this is meant: cp {actual} {GOLDEN.relative_to(PROJECT)}"


def test_the_picture_shows_the_graph_as_it_is(lab: Recording) -> None:
    assert graph.svg(lab) == graph.PICTURE.read_text(), "make graph draws it again"


def test_what_a_person_and_a_script_need_is_exported(lab: Recording) -> None:
    assert lab.outputs == {
        "hosts": {
            "app1": {"address": "10.77.0.13", "interface": "host0", "duties": ["key-value", "web"]},
            "app2": {"address": "10.77.0.14", "interface": "host0", "duties": ["web"]},
            "edge1": {"address": "10.77.0.11", "interface": "host0", "duties": ["balancer"]},
            "edge2": {"address": "10.77.0.12", "interface": "host0", "duties": ["balancer"]},
        },
        "virtual_ip": "10.77.0.100",
        "web_url": "http://10.77.0.100/",
        "key_value_url": "http://10.77.0.100:8100/",
        "statistics_url": "http://10.77.0.11:8404/",
        "statistics_user": "operator",
        "statistics_password": "balancer-statistics.value",
        "statistics_password_command": "pulumi stack output statistics_password --show-secrets",
    }


def test_nothing_but_the_password_is_a_secret_output(lab: Recording) -> None:
    assert lab.secret_outputs == ("statistics_password",)


def test_every_resource_belongs_to_a_component_and_every_component_is_finished(lab: Recording) -> None:
    components = {name for name, item in lab.resources.items() if not item.custom}
    orphans = {name for name, item in lab.resources.items() if item.custom and item.parent not in components}
    assert orphans == set()
    assert lab.registered_outputs.keys() == components


def test_children_are_named_by_component_and_host_and_never_by_number(lab: Recording) -> None:
    names = {name for name, item in lab.resources.items() if item.type == "soundstage:host:Role"}
    assert all(name.startswith(f"{lab.resources[name].parent}-") for name in names)
    hosts = {"app1", "app2", "edge1", "edge2"}
    assert all(hosts & {*name.replace("-", " ").split()} for name in names)


def test_a_preview_knows_everything_but_the_files_with_the_password() -> None:
    recording = record_stack("lab", preview=True)
    unknown = {name: item.unknown for name, item in recording.resources.items() if item.unknown}
    assert unknown.keys() == {"balancer-edge1", "balancer-edge2"}
    assert all(len(paths) == 1 and paths[0].endswith(".content") for paths in unknown.values())
    assert recording.outputs["virtual_ip"] == "10.77.0.100"


@pytest.mark.parametrize("stack", ["staging", "prod"])
def test_other_stacks_are_the_same_program(stack: str, lab: Recording) -> None:
    recording = record_stack(stack, preview=True)
    types = {(item.type, item.parent) for item in recording.resources.values()}
    assert types == {(item.type, item.parent) for item in lab.resources.values()}
    connection = cast("Mapping[str, object]", recording.resources["web-app1"].inputs["connection"])
    assert connection["known_hosts"] == f"ssh/known_hosts.{stack}"
    assert (PROJECT / str(connection["known_hosts"])).is_file()


def test_the_other_balancer_engine_changes_nothing_else(lab: Recording) -> None:
    options = {"engine": "nginx", "hosts": ["edge1", "edge2"]}
    recording = record_stack("lab", {"load_balancer": options})
    assert recording.resources.keys() == lab.resources.keys()
    changed = {name for name, item in recording.resources.items() if item.inputs != lab.resources[name].inputs}
    rosters = {"edge1-roster", "edge2-roster"}
    assert changed == {"balancer-edge1", "balancer-edge2", "virtual-ip-edge1", "virtual-ip-edge2", *rosters}


def test_each_host_answers_for_all_its_roles_and_nothing_waits_for_that(lab: Recording) -> None:
    roles = {"preflight", "firewall", "sshd", "kernel-profile", "baseline"}
    assert lab.resources["edge1-roster"].inputs["roles"] == dict.fromkeys([*roles, "haproxy", "keepalived"], True)
    assert lab.resources["app2-roster"].inputs["roles"] == dict.fromkeys([*roles, "web-server"], True)
    waiting = {name for name, item in lab.resources.items() if any("roster" in other for other in item.dependencies)}
    assert waiting == set()


def test_only_the_first_role_of_a_host_goes_last(lab: Recording) -> None:
    last = {item.name for item in lab.of_type("soundstage:host:Role") if item.inputs["foundation"]}
    assert last == {"app1-preflight", "app2-preflight", "edge1-preflight", "edge2-preflight"}


@pytest.mark.parametrize("host", ["app1", "app2", "edge1", "edge2"])
def test_a_lost_host_vanishes_from_every_duty(host: str) -> None:
    recording = record_stack("lab", {"lost_hosts": [host]})
    address = {"app1": "10.77.0.13", "app2": "10.77.0.14", "edge1": "10.77.0.11", "edge2": "10.77.0.12"}[host]
    assert [name for name in recording.resources if host in name.split("-")] == []
    assert address not in json.dumps([item.inputs for item in recording.resources.values()], default=str)


def test_the_loss_of_the_store_is_an_outage_and_no_second_copy() -> None:
    recording = record_stack("lab", {"lost_hosts": ["app1"]})
    assert "key_value_url" not in recording.outputs
    assert recording.of_type("soundstage:data:KeyValueStore") == []
    assert "web-app2" in recording.resources


def test_the_loss_of_the_primary_leaves_one_holder_of_the_address() -> None:
    recording = record_stack("lab", {"lost_hosts": ["edge1"]})
    holders = [name for name, item in recording.resources.items() if item.parent == "virtual-ip"]
    assert holders == ["virtual-ip-edge2"]
    assert recording.outputs["virtual_ip"] == "10.77.0.100"
    assert recording.outputs["statistics_url"] == "http://10.77.0.12:8404/"


REFUSED = """
import pulumi
from scripts import recording

seen = []
recording._registration = lambda request: seen.append(request.name)
try:
    recording.record_stack("lab", {"load_balancer": {"hosts": ["edge1", "edge9"]}, "web": {}})
except pulumi.RunError as error:
    print(error)
print(f"registered: {seen}")
"""


def test_a_wrong_configuration_is_refused_plainly_before_anything_is_registered() -> None:
    finished = subprocess.run(
        [sys.executable, "-c", REFUSED], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False
    )
    assert finished.stderr == ""
    lines = finished.stdout.splitlines()
    assert lines[0] == "Pulumi.lab.yaml has 2 problems, so nothing was registered:"
    assert lines[1].startswith("  soundstage:web: got an unknown key; ")
    assert lines[2].startswith("  soundstage:load_balancer.hosts: got 'edge9'; ")
    assert lines[3:] == ["registered: []"]
