"""A server that has only a password joins the running platform; afterwards its password opens nothing any more."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest

from bench.clients.processes import ProcessList
from tests.lab.stack.checkout import PROJECT, Checkout

HOST, USER = "newcomer", "admin"
UP = "up --yes --skip-preview -s lab"
HELD_AT = "/usr/local/sbin/useradd"
HELD = """#!/bin/sh
echo >/run/held
read -r _ </run/go
exec /usr/sbin/useradd "$@"
"""
"""Stands before the real one until somebody has looked around."""
SEARCH = PROJECT / "bench" / "clients" / "search.py"


@pytest.fixture(scope="module")
def password(stack: Checkout) -> str:
    """The password of the only user of a host that nobody has met yet."""
    stack.lab("up", "--password-only", HOST)
    return password_of(stack)


def password_of(stack: Checkout) -> str:
    return (stack.root / ".lab" / "hosts" / HOST / "password").read_text().strip()


@pytest.fixture(scope="module", autouse=True)
def declared(stack: Checkout, password: str) -> Iterator[None]:
    """The host is in the stack, its password a secret of the stack; in the end both go again."""
    entry = {"address": HOST, "interface": "host0", "cores": 2, "first_contact": {"user": USER}}
    with stack.config(hosts={HOST: entry}):
        set_password(stack, password)
        yield
    stack.make("up")


def set_password(stack: Checkout, password: str) -> None:
    stack.pulumi(f"config set --secret --path soundstage:hosts.{HOST}.first_contact.password -s lab", stdin=password)


def address(stack: Checkout) -> str:
    lines = (stack.root / ".lab" / "addresses.yaml").read_text().splitlines()
    return dict(line.split(": ") for line in lines)[HOST]


async def signs_in(stack: Checkout, password: str) -> bool:
    """Whether the password opens the host for its first user."""
    try:
        known_hosts = str(stack.root / ".lab" / "known_hosts")
        options = {"username": USER, "password": password, "client_keys": None, "agent_path": None, "config": None}
        async with asyncssh.connect(address(stack), known_hosts=known_hosts, **options):  # pyright: ignore[reportArgumentType] many types
            return True
    except asyncssh.PermissionDenied:
        return False


async def test_a_host_with_another_key_than_the_known_one_gets_no_password(stack: Checkout, password: str) -> None:
    assert await signs_in(stack, password)
    file = stack.root / ".lab" / "known_hosts"
    known, here = file.read_text(), address(stack)
    other = re.findall(r"(?m)^(\S+) (ssh-ed25519 \S+)$", known)[0][1]
    file.write_text(re.sub(rf"(?m)^{re.escape(here)} ssh-ed25519 \S+$", f"{here} {other}", known))
    before = stack.on(HOST, "journalctl --unit ssh --no-pager | grep -c 'Accepted password'")
    try:
        said = stack.pulumi(UP, expect=1)
    finally:
        file.write_text(known)
    assert re.search(rf"{HOST}-first-contact[\s\S]*error: {re.escape(here)}: after 2 failed attempts: Host key", said)
    assert re.search(r"\d+ unchanged", said)
    assert not re.search(r"(edge|app)\d-\S+ (updat|delet|replac)", said), said
    assert stack.on(HOST, "journalctl --unit ssh --no-pager | grep -c 'Accepted password'") == before
    assert stack.on(HOST, "getent passwd deploy", expect=2) == ""


def test_the_server_joins_and_its_password_is_found_nowhere(stack: Checkout, password: str) -> None:
    stack.on(HOST, f"mkfifo /run/held /run/go && cat >{HELD_AT} && chmod 0755 {HELD_AT}", stdin=HELD)
    with ProcessList() as processes:
        run = stack.start(f"pulumi {UP} --non-interactive")
        stack.on(HOST, f"read -r _ </run/held && rm {HELD_AT}")
        # The first contact is in the middle of its work now: everything of it can be looked at.
        during = everything_shown()
        stack.on(HOST, "echo >/run/go")
        said, _ = run.communicate(timeout=240)
    assert run.returncode == 0, said
    assert f"{HOST}-sshd created" in said
    # The engine hands the stack's configuration to its program in a variable; only its own user can read that.
    shown = [each for each in {*during, *processes.seen} if b"PULUMI_CONFIG=" not in each]
    assert any(b"sudo\0-kS" in each for each in shown), "the first contact was not watched"
    canary = password.encode()
    assert [each for each in shown if canary in each] == []
    assert password not in said
    assert password not in stack.pulumi("stack export -s lab")
    assert password not in stack.pulumi("preview --diff -s lab")
    folders = [stack.root / ".lab" / name for name in ("state", "pulumi")]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert [path for path in (*files, stack.root / "Pulumi.lab.yaml") if canary in path.read_bytes()] == []
    places = {"needles": [password], "forbidden": ["/etc", "/home", "/opt", "/root", "/run", "/tmp", "/usr", "/var"]}
    assert found_on_the_host(stack, places) == []


def everything_shown() -> set[bytes]:
    """Every command line and environment of the machine and its hosts at this moment."""
    found: set[bytes] = set()
    for process in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            with contextlib.suppress(OSError):  # it ended meanwhile
                found.add((process / name).read_bytes())
    return found


def found_on_the_host(stack: Checkout, places: dict[str, list[str]]) -> list[str]:
    request = json.dumps({**places, "private": []})
    stack.on(HOST, "cat > /run/search.py", stdin=Path(SEARCH).read_text())
    stack.on(HOST, f"echo 'planted {HOST}' | systemd-cat && journalctl --sync")
    assert (
        stack.on(HOST, "python3 /run/search.py", stdin=request.replace(places["needles"][0], f"planted {HOST}"))
        == "journal"
    )
    return stack.on(HOST, "python3 /run/search.py && rm /run/search.py", stdin=request).splitlines()


def test_the_deploy_user_gets_in_by_key_and_is_root_without_a_password(stack: Checkout) -> None:
    assert stack.lab("ssh", HOST, "--", "sudo -n id -un; id -un").split() == ["root", "deploy"]


async def test_afterwards_the_password_opens_nothing(stack: Checkout, password: str) -> None:
    assert not await signs_in(stack, password)


def test_whatever_changes_in_its_configuration_the_first_contact_is_not_made_again(stack: Checkout) -> None:
    before = stack.on(HOST, "stat -c %y /etc/sudoers.d/soundstage-deploy")
    set_password(stack, "another-password-1")
    with stack.config(ssh={"connect_timeout_seconds": 5}):
        said = stack.make("up")
    assert re.search(r"\d+ unchanged", said)
    assert not re.search(r"\d+ (created|updated|deleted|replaced)", said), said
    assert stack.on(HOST, "stat -c %y /etc/sudoers.d/soundstage-deploy") == before


def test_a_server_that_was_installed_anew_is_met_again(stack: Checkout) -> None:
    stack.lab("kill", HOST)
    shutil.rmtree(stack.root / ".lab" / "hosts" / HOST)
    stack.lab("up", HOST)
    set_password(stack, password_of(stack))
    said = stack.make("up")
    assert re.search(rf"{HOST}-first-contact replaced", said), said
    assert stack.lab("ssh", HOST, "--", "sudo -n id -un").strip() == "root"
    assert "sshd" in stack.on(HOST, "soundstage status")
