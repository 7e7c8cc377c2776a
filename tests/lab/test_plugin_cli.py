"""The plugin under the real engine on real hosts: a page on each of two hosts, and a file with a generated password."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.conftest import PROJECT, LabCommand
from tests.lab.tiny.project import CONNECT_SECONDS, Project, controllers, errors, eventually, off

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def project(lab: LabCommand, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The page on both hosts, removed at the end."""
    made = Project(tmp_path_factory.mktemp("project"), lab)
    shutil.copy(Path(__file__).parent / "tiny" / "__main__.py", made.folder)
    shutil.copy(lab.directory / "known_hosts", made.folder)
    plugin = {"name": "soundstage", "path": str(PROJECT / "provider")}
    definition = {"name": "soundstage", "runtime": "python", "plugins": {"providers": [plugin]}}
    (made.folder / "Pulumi.yaml").write_text(json.dumps(definition), encoding="utf-8")
    (made.folder / "state").mkdir()
    made.pulumi("stack", "init", "test")
    made.declare()
    made.pulumi("up", "--yes", "--skip-preview")
    yield made
    made.pulumi("destroy", "--yes", "--skip-preview")
    left = 'for path in /var/lib/soundstage /usr/lib/soundstage /srv/page; do [ ! -e "$path" ] || echo "$path"; done'
    assert made.lab.on("one", "sh", "-c", left) == ""


def test_what_is_declared_is_served_and_no_secret_lies_in_the_state_in_plain(project: Project) -> None:
    assert project.page("one") == project.page("two") == "hello"
    password = project.lab.on("one", "cat", "/etc/page-secret").split()[1]
    assert len(password) == 32
    assert password == project.lab.on("two", "cat", "/etc/page-secret").split()[1]
    assert password not in project.pulumi("stack", "export")
    assert password not in project.pulumi("preview", "--diff")


def test_a_second_up_changes_nothing_and_restarts_nothing(project: Project) -> None:
    before = project.started("one")
    assert "unchanged" in project.pulumi("up", "--yes", "--refresh", "--expect-no-changes")
    assert project.started("one") == before


def test_a_change_says_its_consequence_and_is_made_in_place(project: Project) -> None:
    before = project.started("one")
    project.declare("changed")
    preview = project.pulumi("preview", "--diff")
    assert "one page: index.html changes → reload, nobody notices" in preview
    assert re.search(r"-\s+hello", preview)
    project.pulumi("up", "--yes", "--skip-preview")
    assert project.page("one") == project.page("two") == "changed"
    assert project.started("one") == before


def test_drift_is_shown_as_a_line_diff_and_repaired(project: Project) -> None:
    project.declare()
    project.pulumi("up", "--yes", "--skip-preview")
    project.lab.on("one", "sh", "-c", "echo edited by hand >> /srv/page/index.html; chmod 0600 /srv/page/index.html")
    project.lab.on("two", "systemctl", "disable", "--now", "page.service")
    shown = project.pulumi("refresh", "--preview-only", "--diff")
    assert re.search(r"\+\s+edited by hand", shown)
    assert re.search(r'mode\s*: "0644" => "0600"', shown)
    assert re.search(r"running\s*: true => false", shown)
    assert project.lab.on("one", "tail", "-1", "/srv/page/index.html") == "edited by hand"
    project.pulumi("up", "--yes", "--refresh", "--skip-preview")
    assert project.page("one") == project.page("two") == "hello"
    assert project.lab.on("one", "stat", "-c", "%a", "/srv/page/index.html") == "644"
    assert "to update" not in project.pulumi("refresh", "--preview-only")


@pytest.mark.parametrize(
    ("command", "phases"),
    [
        (["up", "--skip-preview"], 1),
        (["up", "--refresh", "--skip-preview"], 2),
    ],
    ids=["up", "up --refresh"],
)
def test_a_host_that_is_off_is_one_error_of_an_update_and_the_other_is_done(
    project: Project, command: list[str], phases: int
) -> None:
    page = f"without two, {' '.join(command)}"
    project.declare(page)
    with off(project, "two"):
        before = time.monotonic()
        said = project.pulumi(*command, "--yes", expect=1)
        seconds = time.monotonic() - before
    assert len(errors(said)) == 1, said
    assert "two (" in errors(said)[0]
    assert "Traceback" not in said
    assert project.page("one") == page
    assert seconds < phases * CONNECT_SECONDS + 15
    project.pulumi("up", "--yes", "--refresh", "--skip-preview")
    assert project.page("two") == page


@pytest.mark.parametrize("command", [["--yes"], ["--yes", "--skip-preview"], ["--preview-only"]], ids=" ".join)
def test_a_host_that_is_off_is_one_error_of_a_refresh_and_the_other_is_read(
    project: Project, command: list[str]
) -> None:
    project.declare()
    project.pulumi("up", "--yes", "--skip-preview")
    with off(project, "two"):
        project.lab.on("one", "sh", "-c", "echo edited >> /srv/page/index.html")
        said = project.pulumi("refresh", *command, expect=1)
    assert len(errors(said)) == 1, said
    assert "cannot be reached" in errors(said)[0]
    saved = "edited" in project.pulumi("stack", "export")
    assert saved == ("--preview-only" not in command)
    project.pulumi("up", "--yes", "--refresh", "--skip-preview")
    assert project.page("one") == "hello"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "SIGKILL of the controller"])
def test_an_end_in_the_middle_leaves_no_half_change_and_no_process(project: Project, how: signal.Signals) -> None:
    project.declare()
    project.pulumi("up", "--yes", "--skip-preview")
    project.declare(f"after {how.name}", checks=[["sh", "-c", "touch /run/page-checked; sleep 2"]])
    project.lab.on("one", "rm", "-f", "/run/page-checked")
    running = project.start("up", "--yes", "--skip-preview")
    eventually(lambda: project.lab.on("one", "sh", "-c", "ls /run").count("page-checked") == 1, 60, "the check runs")
    os.kill(running.pid, how)
    assert running.wait(timeout=30) != 0
    eventually(lambda: not controllers(project), 15, "no process is left")
    assert project.page("one") in ("hello", f"after {how.name}")
    if how is signal.SIGKILL:
        project.pulumi("cancel", "--yes")
    project.pulumi("up", "--yes", "--skip-preview")
    assert project.page("one") == project.page("two") == f"after {how.name}"


def test_a_changed_host_key_is_refused_and_nothing_is_sent(project: Project) -> None:
    project.declare()
    project.pulumi("up", "--yes", "--skip-preview")
    known = project.folder / "known_hosts"
    trusted = known.read_text(encoding="utf-8")
    addresses = {name: status["address"] for name, status in project.lab.hosts().items()}
    keys = {line.split(" ", 1)[0]: line.split(" ", 1)[1] for line in trusted.splitlines() if "ed25519" in line}
    known.write_text(
        f"{addresses['one']} {keys[addresses['two']]}\n{addresses['two']} {keys[addresses['two']]}\n", encoding="utf-8"
    )
    project.declare("somebody else's")
    try:
        said = project.pulumi("up", "--yes", "--skip-preview", expect=1)
    finally:
        known.write_text(trusted, encoding="utf-8")
    assert f"one ({addresses['one']}): its host key is not the one in" in said
    assert "ssh-keygen -R" in said
    assert project.page("one") == "hello"
    assert project.page("two") == "somebody else's"


def test_a_change_that_locks_the_controller_out_is_undone_by_the_host(project: Project) -> None:
    project.declare()
    project.pulumi("up", "--yes", "--skip-preview")
    rule = {"content": "AllowUsers nobody\n", "on_change": {"ssh.service": "reload"}}
    lockout = {"name": "lockout", "files": {"/etc/ssh/sshd_config.d/00-lockout.conf": rule}, "confirm_seconds": 6}
    project.declare(more=[lockout])
    said = project.pulumi("up", "--yes", "--skip-preview", expect=1)
    assert "lockout: confirm: no new connection came through after the change" in said
    assert "does not let deploy in" in said
    project.declare()
    project.pulumi("up", "--yes", "--skip-preview")
    project.lab.run("exec", "one", "--", "test", "-e", "/etc/ssh/sshd_config.d/00-lockout.conf", expect=1)


def test_a_change_that_keeps_the_way_in_is_confirmed_and_stays(project: Project) -> None:
    rule = {"content": "AllowUsers deploy\n", "on_change": {"ssh.service": "reload"}}
    sshd = {"name": "sshd", "files": {"/etc/ssh/sshd_config.d/00-allowed.conf": rule}, "confirm_seconds": 20}
    project.declare(more=[sshd])
    project.pulumi("up", "--yes", "--skip-preview")
    assert project.lab.on("one", "sshd", "-T", "-C", "user=deploy").count("allowusers deploy") == 1
    assert project.lab.on("one", "systemctl", "list-timers", "--all", "--no-legend", "soundstage*") == ""
    project.declare()
    project.pulumi("up", "--yes", "--skip-preview")


def test_destroy_leaves_what_is_on_a_dead_host_until_it_is_given_up(project: Project) -> None:
    config = project.folder / "Pulumi.test.yaml"
    before = config.read_text(encoding="utf-8") if config.exists() else ""
    with off(project, "two"):
        said = project.pulumi("destroy", "--yes", "--skip-preview", expect=1)
        assert len(errors(said)) == 1, said
        assert "name it in soundstage:lost_hosts" in errors(said)[0]
        project.lab.run("exec", "one", "--", "test", "-e", "/srv/page", expect=1)
        project.pulumi("config", "set", "--path", "soundstage:lost_hosts[0]", "two")
        said = project.pulumi("destroy", "--yes", "--skip-preview")
        assert "dropped without asking, because two is lost" in said
    config.write_text(before, encoding="utf-8")
    project.declare()
    project.pulumi("up", "--yes", "--skip-preview")
    assert project.page("two") == "hello"
