from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import pulumi
import pytest

from components.host_role import HostRole, HostRoleArgs, role_input
from components.secrets import Password, PasswordArgs
from roles.model import Directory, File, Late, Role
from scripts.recording import record

from .conftest import machine

ROLE = Role(
    name="demo",
    directories={"/etc/demo": Directory()},
    files={
        "/etc/demo/public.conf": File(content="port 80\n", on_change={"demo.service": "reload"}),
        "/etc/demo/parts.conf": File(content=("one\n", "two\n")),
        "/etc/demo/secret.conf": File(content=("user operator ", Late(late="password"), "\n"), mode="0600"),
    },
)


def program() -> None:
    password = Password("generated", PasswordArgs())
    HostRole("demo-app1", HostRoleArgs(machine=machine("app1"), role=ROLE, late={"password": password.value}))


def files(role: object) -> Mapping[str, Mapping[str, object]]:
    return cast("Mapping[str, Mapping[str, Mapping[str, object]]]", role)["files"]


def test_a_late_text_is_put_exactly_where_the_role_left_room_for_it() -> None:
    role = record(program).resources["demo-app1"].inputs["role"]
    assert files(role)["/etc/demo/secret.conf"]["content"] == "user operator generated.value\n"
    assert files(role)["/etc/demo/parts.conf"]["content"] == "one\ntwo\n"
    assert files(role)["/etc/demo/public.conf"] == {
        "content": "port 80\n",
        "mode": "0644",
        "owner": "root",
        "group": "root",
        "on_change": {"demo.service": "reload"},
    }


def test_a_password_makes_only_its_own_file_a_secret() -> None:
    assert record(program).resources["demo-app1"].secret == ("role.files./etc/demo/secret.conf.content",)


def test_in_a_preview_only_the_file_with_the_password_is_unknown() -> None:
    resource = record(program, preview=True).resources["demo-app1"]
    assert resource.unknown == ("role.files./etc/demo/secret.conf.content",)
    assert files(resource.inputs["role"])["/etc/demo/public.conf"]["content"] == "port 80\n"


def test_the_plugin_gets_every_field_of_a_role() -> None:
    role = record(program).resources["demo-app1"].inputs["role"]
    assert cast("Mapping[str, object]", role).keys() == Role.model_fields.keys()


def test_the_plugin_gets_host_and_connection_as_the_contract_says() -> None:
    inputs = record(program).resources["demo-app1"].inputs
    assert inputs.keys() == {"host", "connection", "role", "foundation"}
    assert inputs["host"] == "app1"
    assert inputs["connection"] == {
        "address": "10.9.0.21",
        "port": 22,
        "user": "deploy",
        "identity_file": "",
        "known_hosts": "known_hosts",
        "jump": None,
        "connect_timeout_seconds": 8,
        "operation_timeout_seconds": 900,
    }


@pytest.mark.parametrize("given", [(), ("password", "certificate"), ("pasword",)])
def test_late_texts_that_do_not_fit_the_role_are_refused_by_name(given: tuple[str, ...]) -> None:
    late = dict.fromkeys(given, cast("pulumi.Output[str]", None))
    with pytest.raises(ValueError, match=r"role demo needs late texts \['password'\], was given \["):
        role_input(ROLE, late)
