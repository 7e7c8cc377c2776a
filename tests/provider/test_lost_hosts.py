"""Which hosts the operator has given up, and which command a plugin serves."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from provider.errors import PluginError
from provider.invocation import Caller, Invocation
from provider.lost_hosts import lost_hosts, stack_of

URN = "urn:pulumi:lab::soundstage::soundstage:web:WebServers$soundstage:host:Role::web-app1"
ANOTHER_PROCESS = "1"


def caller(command: str) -> Caller:
    return Caller("127.0.0.1:1", os.getppid(), tuple(command.split()))


def test_the_stack_is_read_from_the_urn() -> None:
    assert stack_of(URN) == "lab"


def test_lost_hosts_are_read_from_the_config_of_the_stack(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.lab.yaml").write_text("config:\n  soundstage:lost_hosts: [app2]\n", encoding="utf-8")
    assert lost_hosts(tmp_path, "lab") == {"app2"}


@pytest.mark.parametrize(
    "content", ["", "config: {}\n", "config:\n  soundstage:lost_hosts: []\n", "secretsprovider: x\n"]
)
def test_no_host_is_lost_when_none_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "Pulumi.lab.yaml").write_text(content, encoding="utf-8")
    assert lost_hosts(tmp_path, "lab") == frozenset()
    assert lost_hosts(tmp_path, "a-stack-without-a-file") == frozenset()


def test_lost_hosts_that_are_no_list_are_refused_with_an_example(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.lab.yaml").write_text("config:\n  soundstage:lost_hosts: app2\n", encoding="utf-8")
    with pytest.raises(PluginError, match=r"must be a list of host names, for example \[app2\]; given is 'app2'"):
        lost_hosts(tmp_path, "lab")


@pytest.mark.parametrize(
    "command",
    [
        "pulumi up --refresh -y",
        "pulumi -C project up",
        "pulumi preview --refresh",
        "pulumi destroy --refresh",
        "python",
    ],
)
def test_an_update_may_follow_in_every_command_but_refresh(tmp_path: Path, command: str) -> None:
    invocation = Invocation(caller(command), tmp_path)
    assert not invocation.nothing_follows_this_read()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "command", ["pulumi refresh -y --skip-preview", "pulumi refresh -f", "pulumi -C dir refresh --preview-only --diff"]
)
def test_a_refresh_of_one_phase_ends_with_its_reads(tmp_path: Path, command: str) -> None:
    assert Invocation(caller(command), tmp_path).nothing_follows_this_read()


def test_a_refresh_with_a_preview_ends_with_the_reads_of_its_second_phase(tmp_path: Path) -> None:
    preview = Invocation(caller("pulumi refresh -y"), tmp_path)
    assert not preview.nothing_follows_this_read()
    assert not preview.nothing_follows_this_read()
    note = tmp_path / f"refresh-{os.getppid()}"
    note.write_text(ANOTHER_PROCESS, encoding="utf-8")
    assert Invocation(caller("pulumi refresh -y"), tmp_path).nothing_follows_this_read()


def test_notes_of_runs_that_are_over_are_removed(tmp_path: Path) -> None:
    beyond_every_process = 2**22 + 1
    (tmp_path / f"refresh-{beyond_every_process}").write_text("", encoding="utf-8")
    (tmp_path / f"refresh-{os.getppid()}").write_text("", encoding="utf-8")
    Invocation(caller("pulumi up"), tmp_path).forget_finished_runs()
    assert [note.name for note in tmp_path.iterdir()] == [f"refresh-{os.getppid()}"]
