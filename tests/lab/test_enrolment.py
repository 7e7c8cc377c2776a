"""What a first contact runs on a server, for every kind of first user; it can be repeated and says plainly why not."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from roles.first_contact import COMMAND, stdin
from roles.first_contact.spec import FirstContactSpec
from tests.lab.conftest import LabCommand

pytestmark = pytest.mark.lab

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOvPbCi5gMTHBBeMIC1xDrlLN3kIjV3yPoTdjaLMoc6v it's the controller"
OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKmhPc+oYkrhqTSdFhMCZyl0SM7yTSHpyTqPZqPOwB0a somebody"
PASSWORD = """tango 'whiskey' "9" \\n $HOME `id`"""
"""Every character that a shell could take for something else."""
SPEC = FirstContactSpec(user="deploy", authorized_keys=(KEY,))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabCommand]:
    """A lab of one host that has nobody but `admin`, whose sudo asks for PASSWORD."""
    lab = LabCommand(tmp_path_factory.mktemp("lab"))
    try:
        lab.run("up", "--password-only", "bare", seconds=600)
        execute(lab, "chpasswd", stdin=f"admin:{PASSWORD}\n")
        yield lab
    finally:
        lab.run("down")


def execute(lab: LabCommand, *command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    argv = lab.argv("exec", "bare", "--", *command)
    return subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=120, check=False)


def enrol(lab: LabCommand, user: str, password: str = "") -> subprocess.CompletedProcess[str]:
    """The first contact as `user`, started by the login shell as sshd starts it."""
    return execute(lab, "runuser", "-l", user, "-c", COMMAND, stdin=stdin(SPEC, password))


def authorized(lab: LabCommand) -> list[str]:
    return lab.on("bare", "cat", "/home/deploy/.ssh/authorized_keys").splitlines()


def test_a_wrong_password_changes_nothing_and_is_not_told(server: LabCommand) -> None:
    done = enrol(server, "admin", "wrong-password")
    assert done.returncode == 1
    assert "incorrect password attempts" in done.stderr
    assert "wrong-password" not in done.stdout + done.stderr
    assert "AAAAC3" not in done.stdout + done.stderr
    assert execute(server, "getent", "passwd", "deploy").returncode == 2
    assert server.on("bare", "ls", "/etc/sudoers.d") == "README"


def test_a_user_whose_sudo_asks_and_who_has_no_password_hears_it(server: LabCommand) -> None:
    done = enrol(server, "admin")
    assert (done.returncode, done.stderr) == (1, "sudo asks admin for a password: give the first contact one\n")


def test_a_user_without_sudo_hears_it(server: LabCommand) -> None:
    server.on("bare", "chmod", "0700", "/usr/bin/sudo")
    try:
        done = enrol(server, "admin", PASSWORD)
    finally:
        server.on("bare", "chmod", "4755", "/usr/bin/sudo")
    reason = "there is no sudo here and admin is not root: name root as the first user\n"
    assert (done.returncode, done.stderr) == (1, reason)


def test_a_user_with_a_password_makes_the_deploy_user(server: LabCommand) -> None:
    done = enrol(server, "admin", PASSWORD)
    assert done.returncode == 0, done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    assert authorized(server) == [KEY]
    modes = server.on("bare", "stat", "-c", "%a %U %n", "/home/deploy/.ssh", "/home/deploy/.ssh/authorized_keys")
    assert modes.splitlines() == ["700 deploy /home/deploy/.ssh", "600 deploy /home/deploy/.ssh/authorized_keys"]
    assert server.on("bare", "stat", "-c", "%a %U", "/etc/sudoers.d/soundstage-deploy") == "440 root"
    assert server.on("bare", "runuser", "-l", "deploy", "-c", "sudo -n id -un") == "root"
    assert server.on("bare", "passwd", "--status", "deploy").split()[1] == "L"
    assert server.on("bare", "getent", "shadow", "deploy").split(":")[1] == "*"


def test_a_repetition_changes_nothing_and_what_was_there_stays(server: LabCommand) -> None:
    # Somebody's editor left the last line without an end.
    execute(server, "tee", "/home/deploy/.ssh/authorized_keys", stdin=OTHER_KEY)
    for _ in range(2):
        assert enrol(server, "admin", PASSWORD).returncode == 0
    assert authorized(server) == [OTHER_KEY, KEY]


def test_a_user_whose_sudo_asks_for_nothing_needs_no_password(server: LabCommand) -> None:
    server.on("bare", "rm", "/home/deploy/.ssh/authorized_keys")
    assert enrol(server, "deploy").returncode == 0
    assert enrol(server, "deploy", "a password nobody asks for").returncode == 0
    assert authorized(server) == [KEY]


def test_root_of_a_debian_without_sudo_gets_it_installed(server: LabCommand) -> None:
    remove = ("env", "SUDO_FORCE_REMOVE=yes", "dpkg", "--remove", "--force-depends")
    server.on("bare", *remove, "sudo")
    assert execute(server, "sh", "-c", "command -v sudo").stdout == ""
    done = enrol(server, "root")
    assert done.returncode == 0, done.stderr
    assert server.on("bare", "runuser", "-l", "deploy", "-c", "sudo -n id -un") == "root"
