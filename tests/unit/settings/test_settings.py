"""Settings: a right stack is read, a wrong one is refused with everything that is wrong."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest
from ruamel.yaml import YAML

from settings import Settings, read
from settings.problems import ConfigurationError

PROJECT = Path(__file__).resolve().parents[3]

RIGHT: Mapping[str, object] = {
    "ssh": {"user": "deploy", "known_hosts": "ssh/known_hosts"},
    "hosts": {
        "app1": {"address": "10.9.0.21", "interface": "eth0", "cores": 2},
        "app2": {"address": "10.9.0.22", "interface": "eth0", "cores": 2},
        "edge1": {"address": "10.9.0.11", "interface": "eth0"},
        "edge2": {"address": "10.9.0.12", "interface": "eth0"},
    },
    "access": {"management": ["10.9.0.2"], "clients": ["10.0.0.0/8"]},
    "web_servers": {"hosts": ["app1", "app2"]},
    "load_balancer": {"hosts": ["edge1", "edge2"]},
    "virtual_ip": {"address": "10.9.0.100/24", "virtual_router_id": 51, "primary": "edge1"},
    "key_value_store": {"host": "app1"},
}


def changed(changes: Mapping[str, object]) -> dict[str, object]:
    """The right configuration with values replaced at dotted keys; None removes the key."""
    raw = copy.deepcopy(dict(RIGHT))
    for key, value in changes.items():
        *path, last = key.split(".")
        place: dict[str, object] = raw
        for step in path:
            place = cast("dict[str, object]", place.setdefault(step, {}))
        if value is None:
            del place[last]
        else:
            place[last] = value
    return raw


def problems(changes: Mapping[str, object], project: Path = PROJECT) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        read(changed(changes), project)
    return [str(problem) for problem in refused.value.problems]


def lab() -> dict[str, object]:
    text = (PROJECT / "Pulumi.lab.yaml").read_text()
    document = cast("Mapping[str, object]", YAML(typ="safe").load(text))  # pyright: ignore[reportUnknownMemberType]
    config = cast("Mapping[str, object]", document["config"])
    return {key.removeprefix("soundstage:"): value for key, value in config.items()}


WRONG = cast(
    "Mapping[str, Mapping[str, object]]",
    YAML(typ="safe").load(Path(__file__).with_name("wrong.yaml")),  # pyright: ignore[reportUnknownMemberType] untyped
)


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_configuration_is_refused_by_key_value_and_remedy(case: str) -> None:
    changes = cast("Mapping[str, object]", WRONG[case]["change"])
    assert problems(changes) == WRONG[case]["problems"]


def test_all_problems_are_told_at_once_and_a_broken_section_does_not_hide_those_of_others() -> None:
    found = problems(
        {
            "hosts.app2.address": "nowhere",
            "load_balancer.algorithm": "fastest",
            "web_servers.hosts": ["app1", "app7"],
            "virtual_ip.virtual_router_id": 0,
            "key_value_store": None,
        }
    )
    assert [line.split(":")[1] for line in found] == [
        "hosts.app2.address",
        "load_balancer.algorithm",
        "virtual_ip.virtual_router_id",
        "key_value_store",
        "web_servers.hosts",
    ]


def test_the_message_names_the_stack_file_and_counts() -> None:
    with pytest.raises(ConfigurationError) as refused:
        read(changed({"ssh": None, "access": None}), PROJECT, source="Pulumi.prod.yaml")
    first, *others = str(refused.value).splitlines()
    assert first == "Pulumi.prod.yaml has 2 problems, so nothing was registered:"
    assert len(others) == 2


def test_a_missing_file_of_names_is_told_with_its_path() -> None:
    first, *others = problems({"addresses": "nowhere/addresses.yaml", "hosts.app1.address": "app1"})
    assert first.startswith("soundstage:addresses: got 'nowhere/addresses.yaml', which does not exist; allowed: ")
    assert (
        "start what writes it (for the lab: ./lab/lab up), or leave the key out and write addresses directly" in first
    )
    assert len(others) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- 10.9.0.21\n", "which holds no map"),
        ("app1: [\n", "which is not YAML (ParserError)"),
        ("app1: 17\n", "got 17 for 'app1' in 'names.yaml'"),
    ],
)
def test_a_file_of_names_that_is_none_is_refused(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "names.yaml").write_text(text)
    assert expected in problems({"addresses": "names.yaml"}, tmp_path)[0]


def test_a_name_stands_wherever_an_address_is_expected(tmp_path: Path) -> None:
    (tmp_path / "names.yaml").write_text("app1: 10.9.0.31\nall: 10.9.0.0/24\nfront: 10.9.0.99/24\nbastion: 10.9.0.3\n")
    stack = read(
        changed(
            {
                "addresses": "names.yaml",
                "hosts.app1.address": "app1",
                "access.clients": ["all", "192.0.2.0/24"],
                "virtual_ip.address": "front",
                "ssh.jump": {"address": "bastion", "user": "deploy"},
            }
        ),
        tmp_path,
    )
    assert str(stack.hosts["app1"].address) == "10.9.0.31"
    assert [str(network) for network in stack.access.clients] == ["10.9.0.0/24", "192.0.2.0/24"]
    assert str(stack.virtual_ip.address) == "10.9.0.99/24"
    assert stack.ssh.jump is not None
    assert str(stack.ssh.jump.address) == "10.9.0.3"


def test_a_wrong_name_is_refused_with_the_names_there_are(tmp_path: Path) -> None:
    (tmp_path / "names.yaml").write_text("app1: 10.9.0.31\nweb: 10.9.0.99/24\n")
    (problem,) = problems({"addresses": "names.yaml", "hosts.app1.address": "ap1"}, tmp_path)
    assert problem.startswith(
        "soundstage:hosts.app1.address: got 'ap1'; allowed: an IPv4 address, or an IPv6 address; "
    )
    assert problem.endswith("write an address, or a name of names.yaml: app1, web")


def test_a_name_stands_for_an_address_and_for_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "names.yaml").write_text("deploy: 10.9.0.31\n")
    assert read(changed({"addresses": "names.yaml"}), tmp_path).ssh.user == "deploy"


@pytest.fixture
def stack() -> Settings:
    return read(RIGHT, PROJECT)


def test_there_is_one_instance_per_core_unless_told_otherwise(stack: Settings) -> None:
    assert stack.web_servers.ports(cores=2) == (8001, 8002)
    assert read(changed({"web_servers.instances_per_host": 3}), PROJECT).web_servers.ports(cores=2) == (
        8001,
        8002,
        8003,
    )


def test_the_backup_rolls_before_the_primary(stack: Settings) -> None:
    assert stack.balancer_hosts == ("edge2", "edge1")
    assert read(changed({"virtual_ip.primary": "edge2"}), PROJECT).balancer_hosts == ("edge1", "edge2")


def test_the_first_host_is_the_first_by_name_or_the_one_that_is_named(stack: Settings) -> None:
    assert [machine.name for machine in stack.machines] == ["app1", "app2", "edge1", "edge2"]
    named = read(changed({"baseline": {"first_host": "edge2"}}), PROJECT)
    assert [machine.name for machine in named.machines] == ["edge2", "app1", "app2", "edge1"]


def test_a_lost_host_is_in_no_duty_and_changes_nothing_for_the_others() -> None:
    stack = read(changed({"lost_hosts": ["app1", "edge1"]}), PROJECT)
    assert [machine.name for machine in stack.machines] == ["app2", "edge2"]
    assert stack.web_hosts == ("app2",)
    assert stack.balancer_hosts == ("edge2",)
    assert stack.key_value_hosts == ()
    assert stack.web_labels["app2"] == "Server 2"
    assert stack.baselines["edge2"].security_updates.at == "07:00"


def test_no_two_hosts_update_themselves_in_the_same_hour(stack: Settings) -> None:
    hours = {host: baseline.security_updates.at for host, baseline in stack.baselines.items()}
    assert hours == {"app1": "04:00", "app2": "05:00", "edge1": "06:00", "edge2": "07:00"}


def test_settings_cannot_be_changed(stack: Settings) -> None:
    with pytest.raises(ValueError, match="frozen"):
        stack.ssh.user = "other"  # pyright: ignore[reportAttributeAccessIssue] this is what must not work


@pytest.mark.parametrize("name", ["lab", "staging", "prod"])
def test_every_key_of_a_stack_is_declared_with_type_and_description(name: str) -> None:
    yaml = YAML(typ="safe")
    project = cast("Mapping[str, object]", yaml.load(PROJECT / "Pulumi.yaml"))  # pyright: ignore[reportUnknownMemberType]
    stack = cast("Mapping[str, object]", yaml.load(PROJECT / f"Pulumi.{name}.yaml"))  # pyright: ignore[reportUnknownMemberType]
    declared = cast("Mapping[str, Mapping[str, object]]", project["config"])
    assert declared.keys() == Settings.model_fields.keys()
    assert all(entry["type"] and entry["description"] for entry in declared.values())
    given = {key.removeprefix("soundstage:") for key in cast("Mapping[str, object]", stack["config"])}
    without_default = {key for key, entry in declared.items() if "default" not in entry}
    assert without_default <= given <= declared.keys()


def test_the_lab_finds_its_hosts_by_name() -> None:
    stack = read({**lab(), "addresses": "tests/unit/addresses.yaml"}, PROJECT)
    assert {machine.name: str(machine.address) for machine in stack.machines} == {
        "app1": "10.77.0.13",
        "app2": "10.77.0.14",
        "edge1": "10.77.0.11",
        "edge2": "10.77.0.12",
    }
    assert str(stack.virtual_ip.address) == "10.77.0.100/24"
