"""The first contact as the engine gets it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

import asyncssh
import pulumi
import pytest
from pydantic import SecretStr

from components.first_contact import meet
from components.fleet import Fleet, FleetArgs
from components.ssh_files import host_key, public_keys
from components.values import Bastion, FirstContact, Machine
from roles.baseline.spec import BaselineSpec
from roles.first_contact import COMMAND
from scripts.recording import Recording, Registration, record

from .conftest import MANAGEMENT, machine

CANARY = "tango-whiskey-9"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOvPbCi5gMTHBBeMIC1xDrlLN3kIjV3yPoTdjaLMoc6v deploy"


def public_key(algorithm: str = "ssh-ed25519") -> str:
    made = asyncssh.generate_private_key(algorithm)  # pyright: ignore[reportUnknownMemberType] open options
    return " ".join(made.export_public_key().decode().split()[:2])


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, str]:
    """Address → the key in `known_hosts`."""
    found = {address: public_key() for address in ("10.9.0.22", "10.9.0.2")}
    (tmp_path / "known_hosts").write_text("".join(f"{address} {key}\n" for address, key in found.items()))
    return found


@pytest.fixture
def newcomer(tmp_path: Path, keys: Mapping[str, str]) -> Callable[..., Machine]:
    """app2, which is met first; arguments replace what is said of the first contact."""

    def build(**changes: object) -> Machine:
        given = {"user": "admin", "password": SecretStr(CANARY), "port": 22, "jump": None, "authorized_keys": (KEY,)}
        contact = FirstContact.model_validate({**given, **changes})
        known = machine("app2")
        connection = known.connection.model_copy(update={"known_hosts": str(tmp_path / "known_hosts")})
        return known.model_copy(update={"connection": connection, "first_contact": contact})

    return build


def recorded(newcomer: Machine) -> Recording:
    def program() -> None:
        machines = (machine("app1"), newcomer)
        baselines = {each.name: BaselineSpec() for each in machines}
        args = FleetArgs(machines=machines, management_sources=MANAGEMENT, logins=("deploy",), baselines=baselines)
        Fleet("fleet", args)

    return record(program)


def met(recording: Recording) -> Registration:
    (found,) = recording.of_type("command:remote:Command")
    return found


def test_a_host_without_a_first_contact_has_no_such_resource() -> None:
    recording = recorded(machine("app2"))
    assert recording.of_type("command:remote:Command") == []
    assert recording.resources["app2-preflight"].dependencies == ()


def test_nothing_changes_on_a_host_before_it_was_met(newcomer: Callable[..., Machine]) -> None:
    recording = recorded(newcomer())
    assert (met(recording).name, met(recording).parent) == ("app2-first-contact", "app2")
    assert "app2-first-contact" in recording.resources["app2-preflight"].dependencies
    others = [item for item in recording.of_type("soundstage:host:Role") if item.parent == "app2"]
    assert len(others) == 5
    assert all("app2-preflight" in item.dependencies for item in others if item.name != "app2-preflight")
    assert "app2-first-contact" not in recording.resources["app1-preflight"].dependencies


def test_the_connection_and_what_is_sent_are_secrets(newcomer: Callable[..., Machine]) -> None:
    item = met(recorded(newcomer()))
    assert {path.partition(".")[0] for path in item.secret} == {"connection", "stdin"}
    assert {"connection", "stdout", "stderr"} <= {*item.secret_outputs}
    public = {key: value for key, value in item.inputs.items() if key not in ("connection", "stdin")}
    assert CANARY not in repr(public)
    assert public.keys() == {"create", "triggers", "logging", "addPreviousOutputInEnv"}


def test_the_host_key_is_pinned_and_a_host_that_is_off_costs_little(
    newcomer: Callable[..., Machine], keys: Mapping[str, str]
) -> None:
    assert met(recorded(newcomer())).inputs["connection"] == {
        "host": "10.9.0.22",
        "port": 22,
        "user": "admin",
        "password": CANARY,
        "hostKey": keys["10.9.0.22"],
        "dialErrorLimit": 1,
        "perDialTimeout": 8,
    }


def test_a_bastion_is_pinned_too(newcomer: Callable[..., Machine], keys: Mapping[str, str]) -> None:
    jump = Bastion.model_validate({"address": "10.9.0.2", "port": 22, "user": "gate", "password": CANARY})
    connection = cast("Mapping[str, object]", met(recorded(newcomer(jump=jump))).inputs["connection"])
    assert connection["proxy"] == {
        "host": "10.9.0.2",
        "port": 22,
        "user": "gate",
        "password": CANARY,
        "hostKey": keys["10.9.0.2"],
        "dialErrorLimit": 1,
        "perDialTimeout": 8,
    }


def test_it_is_made_once_for_each_host_key(newcomer: Callable[..., Machine], keys: Mapping[str, str]) -> None:
    item = met(recorded(newcomer()))
    assert item.ignore_changes == ("connection", "create", "stdin")
    assert item.inputs["triggers"] == [keys["10.9.0.22"]]
    assert (item.inputs["logging"], item.inputs["addPreviousOutputInEnv"]) == ("none", False)


def test_the_command_line_says_nothing_and_the_password_comes_first_on_standard_input(
    newcomer: Callable[..., Machine],
) -> None:
    item = met(recorded(newcomer()))
    assert item.inputs["create"] == COMMAND
    assert shlex.split(COMMAND)[:3] == ["exec", "sh", "-c"]
    first, second, third, *_ = str(item.inputs["stdin"]).splitlines()
    assert (first, second, third) == (CANARY, "user=deploy", f"keys='{KEY}'")


def test_a_first_user_with_a_key_sends_no_password(newcomer: Callable[..., Machine]) -> None:
    item = met(recorded(newcomer(password=None)))
    assert "password" not in cast("Mapping[str, object]", item.inputs["connection"])
    assert str(item.inputs["stdin"]).splitlines()[:2] == ["", "user=deploy"]


def test_without_keys_of_its_own_the_deploy_user_gets_the_controller_s(
    newcomer: Callable[..., Machine], tmp_path: Path
) -> None:
    (tmp_path / "id.pub").write_text(f"{KEY}\n")
    host = newcomer(authorized_keys=())
    host = host.model_copy(
        update={"connection": host.connection.model_copy(update={"identity_file": str(tmp_path / "id")})}
    )
    assert f"keys='{KEY}'" in str(met(recorded(host)).inputs["stdin"])
    assert public_keys(str(tmp_path / "id")) == (KEY,)


def test_a_host_without_a_known_key_is_never_met(newcomer: Callable[..., Machine], tmp_path: Path) -> None:
    (tmp_path / "known_hosts").write_text("")
    with pytest.raises(ValueError, match=r"has no key of 10\.9\.0\.22"):
        meet(newcomer(), cast("FirstContact", newcomer().first_contact), pulumi.ResourceOptions())


def test_of_several_keys_the_same_one_is_pinned_in_any_order(tmp_path: Path) -> None:
    keys = {kind: public_key(kind) for kind in ("ssh-rsa", "ecdsa-sha2-nistp384", "ssh-ed25519")}
    for order in (keys.values(), reversed(keys.values())):
        (tmp_path / "known_hosts").write_text("".join(f"10.9.0.21 {key}\n" for key in order))
        assert host_key("known_hosts", machine("app1").address, 22, tmp_path) == keys["ssh-ed25519"]
    (tmp_path / "known_hosts").write_text("".join(f"10.9.0.21 {keys[kind]}\n" for kind in [*keys][:2]))
    assert host_key("known_hosts", machine("app1").address, 22, tmp_path) == keys["ecdsa-sha2-nistp384"]


def test_another_port_needs_a_line_of_its_own(tmp_path: Path) -> None:
    key = public_key()
    (tmp_path / "known_hosts").write_text(f"[10.9.0.21]:2222 {key} comment\n")
    assert host_key("known_hosts", machine("app1").address, 2222, tmp_path) == key
    assert host_key("known_hosts", machine("app1").address, 22, tmp_path) is None
