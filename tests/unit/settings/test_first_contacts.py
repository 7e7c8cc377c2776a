"""A first contact is read with its password hidden, and refused when the plugin could not make it safely."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import asyncssh
import pytest

from components.values import Bastion
from settings import read
from settings.problems import ConfigurationError

from .test_settings import changed

CANARY = "tango-whiskey-9"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOvPbCi5gMTHBBeMIC1xDrlLN3kIjV3yPoTdjaLMoc6v deploy"
WITH_PASSWORD = {"hosts.app1.first_contact": {"user": "root", "password": CANARY}, "ssh.authorized_keys": [KEY]}


def public_key() -> str:
    made = asyncssh.generate_private_key("ssh-ed25519")  # pyright: ignore[reportUnknownMemberType] open options
    return made.export_public_key().decode().strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder whose known_hosts knows app1 and the bastion."""
    (tmp_path / "ssh").mkdir()
    lines = [f"{place} {public_key()}\n" for place in ("10.9.0.21", "10.9.0.2")]
    (tmp_path / "ssh" / "known_hosts").write_text("".join(lines))
    return tmp_path


def refusals(changes: Mapping[str, object], project: Path, secret_keys: tuple[str, ...] | None = None) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        read(changed(changes), project, secret_keys=secret_keys)
    assert CANARY not in str(refused.value)
    return [str(problem) for problem in refused.value.problems]


def test_what_is_not_said_is_as_for_every_other_connection(project: Path) -> None:
    jump = {"address": "10.9.0.2", "user": "gate", "port": 22}
    stack = read(changed({**WITH_PASSWORD, "ssh.jump": jump}), project)
    app1, app2, *_ = stack.machines
    assert app1.first_contact is not None
    assert app1.first_contact.user == "root"
    assert app1.first_contact.port == 22
    assert app1.first_contact.jump == Bastion.model_validate(jump)
    assert app1.first_contact.authorized_keys == (KEY,)
    assert app2.first_contact is None


def test_a_password_alone_is_one_of_the_deploy_user(project: Path) -> None:
    changes = {"hosts.app1.first_contact": {"password": CANARY}, "ssh.authorized_keys": [KEY]}
    contact = read(changed(changes), project).machines[0].first_contact
    assert contact is not None
    assert contact.user == "deploy"


def test_no_text_of_the_settings_shows_the_password(project: Path) -> None:
    stack = read(changed(WITH_PASSWORD), project)
    assert CANARY not in repr(stack) + str(stack) + stack.model_dump_json() + repr(stack.machines)
    contact = stack.machines[0].first_contact
    assert contact is not None
    assert contact.password is not None
    assert contact.password.get_secret_value() == CANARY


def test_a_password_that_is_no_secret_of_the_stack_is_refused(project: Path) -> None:
    read(changed(WITH_PASSWORD), project, secret_keys=["hosts"])
    (line,) = refusals(WITH_PASSWORD, project, ("ssh",))
    assert line == (
        "soundstage:hosts.app1.first_contact.password: got a text that everybody reads who reads the file; allowed: a"
        " secret of Pulumi; pulumi config set --secret --path 'soundstage:hosts.app1.first_contact.password', and"
        " change the password on the server"
    )


def test_a_bastion_s_password_that_is_no_secret_is_refused_too(project: Path) -> None:
    jump = {"address": "10.9.0.2", "user": "gate", "password": CANARY}
    changes = {"hosts.app1.first_contact": {"user": "root", "jump": jump}, "ssh.authorized_keys": [KEY]}
    (line,) = refusals(changes, project, ())
    assert line.startswith("soundstage:hosts.app1.first_contact.jump.password: got a text that everybody reads")


def test_a_server_whose_key_is_not_known_is_refused(project: Path) -> None:
    changes = {"hosts.app2.first_contact": {"user": "root"}, "ssh.authorized_keys": [KEY]}
    (line,) = refusals(changes, project)
    assert line == (
        "soundstage:hosts.app2.first_contact: got 10.9.0.22, whose host key is not in 'ssh/known_hosts'; allowed: a"
        " server whose host key is known; take it over a channel you trust (the server's console) and add it there"
    )


def test_a_bastion_whose_key_is_not_known_is_refused(project: Path) -> None:
    contact = {"user": "root", "jump": {"address": "10.9.0.3", "port": 2222, "user": "gate"}}
    (line,) = refusals({"hosts.app1.first_contact": contact, "ssh.authorized_keys": [KEY]}, project)
    assert line.startswith("soundstage:hosts.app1.first_contact.jump: got [10.9.0.3]:2222, whose host key is not in ")


def test_no_file_of_host_keys_is_a_refusal_and_no_traceback(tmp_path: Path) -> None:
    (line,) = refusals({"hosts.app1.first_contact": {"user": "root"}, "ssh.authorized_keys": [KEY]}, tmp_path)
    assert "10.9.0.21, and 'ssh/known_hosts' cannot be read (No such file or directory)" in line


def test_a_way_in_that_is_the_usual_one_is_refused(project: Path) -> None:
    (line,) = refusals({"hosts.app1.first_contact": {"user": "deploy"}, "ssh.authorized_keys": [KEY]}, project)
    assert line.startswith("soundstage:hosts.app1.first_contact.user: got 'deploy', which is ssh.user, and no password")


def test_a_lost_host_is_not_met(project: Path) -> None:
    read(changed({"hosts.app2.first_contact": {"user": "root"}, "lost_hosts": ["app2"]}), project)


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (None, "which cannot be read (No such file or directory)"),
        ("", "which is empty"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\n", "which holds something else than public keys"),
    ],
)
def test_without_a_public_key_nobody_could_get_in_afterwards(project: Path, file: str | None, reason: str) -> None:
    if file is not None:
        (project / "id.pub").write_text(file)
    (line,) = refusals({"hosts.app1.first_contact": {"user": "root"}, "ssh.identity_file": "id"}, project)
    assert line.startswith(f"soundstage:ssh.authorized_keys: got nothing, and the file 'id.pub', {reason}; allowed: ")


def test_an_agent_alone_does_not_say_which_key_is_to_be_let_in(project: Path) -> None:
    (line,) = refusals({"hosts.app1.first_contact": {"user": "root"}}, project)
    assert line.startswith("soundstage:ssh.authorized_keys: got nothing, and no ssh.identity_file either; ")
