"""Changes that cannot be carried out: one clear error, everything else done, and the next try just works."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bench.clients.engine import Plan
from bench.clients.traffic import Traffic
from tests.lab.stack.checkout import Checkout, eventually

CONFIG_AND_LIFE = "sha256sum /etc/haproxy/haproxy.cfg; systemctl show -p MainPID,ExecMainStartTimestamp haproxy"
NEW_TIMEOUT = {"tunnel_timeout_seconds": 1700}


@pytest.fixture(autouse=True)
def repaired(stack: Checkout) -> Iterator[None]:
    """Whatever a test did: the next `up` repairs it, and then nothing is left to do."""
    yield
    stack.make("up")
    stack.make("drift", expect=0)


@pytest.fixture
def app2_off(stack: Checkout) -> Iterator[None]:
    stack.lab("kill", "app2")
    yield
    stack.lab("start", "app2")


def test_up_does_the_others_when_a_host_is_off(stack: Checkout, app2_off: None) -> None:
    with stack.config(baseline={"journal": {"max_use_bytes": 300_000_000}}):
        text = stack.pulumi("up --yes --skip-preview -s lab", expect=1)
        assert "300" in stack.on("app1", "cat /etc/systemd/journald.conf.d/*")
    assert re.search(r"app2.*(cannot be reached|unreachable|did not answer)", text), text
    assert "Traceback" not in text


@pytest.mark.parametrize("command", ["up --yes --skip-preview --refresh", "refresh --yes --skip-preview"])
def test_a_host_that_is_off_is_one_clear_error_of_a_refresh(stack: Checkout, app2_off: None, command: str) -> None:
    text = stack.pulumi(f"{command} -s lab", expect=1)
    assert re.search(r"app2.*(cannot be reached|unreachable|did not answer)", text), text
    assert "Traceback" not in text
    assert not re.search(r"error:.*(edge1|edge2|app1)", text), text


def test_a_lost_host_is_let_go(stack: Checkout, app2_off: None) -> None:
    with stack.config(lost_hosts=["app2"]):
        text = stack.make("up")
        assert "app2" in text
        pages = {httpx.get(stack.outputs()["web_url"], timeout=5).text for _ in range(6)}
        assert all("Server 1" in page for page in pages)


def test_a_changed_host_key_is_refused(stack: Checkout) -> None:
    stack.on(
        "app2",
        "mkdir /run/kept && mv /etc/ssh/ssh_host_* /run/kept/"
        " && ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key && systemctl restart ssh",
    )
    try:
        text = stack.pulumi("up --yes --skip-preview --refresh -s lab", expect=1)
        assert re.search(r"app2.*host key", text), text
    finally:
        stack.on("app2", "rm /etc/ssh/ssh_host_* && mv /run/kept/* /etc/ssh/ && systemctl restart ssh")


def test_a_configuration_the_daemon_refuses_reaches_no_host(stack: Checkout) -> None:
    before = {edge: stack.on(edge, CONFIG_AND_LIFE) for edge in ("edge1", "edge2")}
    with stack.edited("roles/haproxy/haproxy.cfg.j2", "\ttimeout queue 5s\n", "\ttimeout quue 5s\n"):
        text = stack.pulumi("up --yes --skip-preview -s lab", expect=1)
    assert re.search(r"edge2 haproxy: validate: .*quue", text, re.DOTALL), text
    assert {edge: stack.on(edge, CONFIG_AND_LIFE) for edge in ("edge1", "edge2")} == before


def test_a_release_that_does_not_serve_is_put_back_and_the_roll_stops_there(stack: Checkout) -> None:
    traffic = Traffic(Plan(stack.outputs()["virtual_ip"], rate=100))
    release = "readlink /opt/soundstage/web"
    before = {app: stack.on(app, release) for app in ("app1", "app2")}
    with traffic, stack.edited("apps/web/web/server.py", 'web.Response(text="ok")', "web.Response(status=500)"):
        text = stack.pulumi("up --yes --skip-preview -s lab", expect=1, seconds=300)
    assert re.search(r"app1 web-server: units: web@800\d.service is not ready .*answered 500", text, re.DOTALL), text
    assert "app2 web-server" not in text
    assert {app: stack.on(app, release) for app in ("app1", "app2")} == before
    pages = {httpx.get(stack.outputs()["web_url"], timeout=5).text for _ in range(8)}
    assert len(pages) == 2
    assert traffic.seen.losses == ()


def test_a_full_disk_changes_nothing_and_says_so(stack: Checkout) -> None:
    fingerprint = "find /etc -type f -exec sha256sum {} + | sort | sha256sum"
    before = stack.on("app1", fingerprint)
    stack.on("app1", "mount -t tmpfs -o size=4k tmpfs /var/lib/soundstage/journal")
    try:
        with stack.config(baseline={"journal": {"max_use_bytes": 310_000_000}}):
            text = stack.pulumi("up --yes --skip-preview -s lab", expect=1)
        assert "No space left" in text
        assert stack.on("app1", fingerprint) == before
    finally:
        stack.on("app1", "umount /var/lib/soundstage/journal")


def test_the_second_of_two_ups_is_refused_and_the_first_goes_on(stack: Checkout) -> None:
    # Somebody else works on edge2, so that the first up has to wait there.
    busy = ["./lab/lab", "exec", "edge2", "--", "flock", "/var/lib/soundstage/lock", "sleep", "12"]
    with subprocess.Popen(busy, cwd=stack.root, stdin=subprocess.DEVNULL), stack.config(load_balancer=NEW_TIMEOUT):
        first = stack.start("pulumi up --yes --skip-preview -s lab --non-interactive")
        assert first.stdout is not None
        waiting = next(line for line in first.stdout if "waiting for another apply on this host" in line)
        assert "edge2" in waiting
        second = stack.pulumi("up --yes --skip-preview -s lab", expect=1)
        output, _ = first.communicate(timeout=300)
        assert "locked" in second
        assert first.returncode == 0, output


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_up_leaves_whole_hosts_and_no_process(stack: Checkout, sign: signal.Signals) -> None:
    with stack.config(load_balancer={"tunnel_timeout_seconds": 1600}):
        run = stack.start("pulumi up --yes --skip-preview -s lab --non-interactive")
        assert run.stdout is not None
        for line in run.stdout:
            if "balancer-edge2" in line:
                break
        run.send_signal(sign)
        run.communicate(timeout=120)
        eventually(lambda: not _processes_of_session(run.pid), 30, "every process of the controller has ended")
        stack.make("up")
        for edge in ("edge1", "edge2"):
            assert "1600" in stack.on(edge, "grep 'timeout tunnel' /etc/haproxy/haproxy.cfg")
            assert stack.on(edge, "ls -A /var/lib/soundstage/journal", expect=None) == ""


def _processes_of_session(session: int) -> list[str]:
    found: list[str] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(stat.parent.name)
    return found
