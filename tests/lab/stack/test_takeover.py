"""Hosts that a playbook set up: `up` takes them over; when they are let go they are as the playbook left them.

docs/guide/coming-from-an-ansible-playbook.md describes what is tried here.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.lab.stack.checkout import Checkout, eventually

APP, EDGE = "old-app", "old-edge"
PLAYBOOK = Path(__file__).parent / "playbook" / "site.yml"
ORIGINALS = {
    APP: "/etc/nftables.conf /opt/streamApp/app.py",
    EDGE: "/etc/haproxy/haproxy.cfg",
}
HOSTS = {name: {"address": name, "interface": "host0", "cores": 2} for name in (APP, EDGE)}
WITH_APP = {"hosts": HOSTS, "web_servers": {"hosts": ["app1", "app2", APP]}}
WITH_BOTH = {**WITH_APP, "load_balancer": {"hosts": ["edge1", EDGE]}}


def address(stack: Checkout, name: str) -> str:
    lines = (stack.root / ".lab" / "addresses.yaml").read_text().splitlines()
    return dict(line.split(": ") for line in lines)[name]


def play(stack: Checkout, folder: Path) -> str:
    """What the playbook says, which must succeed."""
    lab = stack.root / ".lab"
    options = f"-o UserKnownHostsFile={lab / 'known_hosts'} -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes"
    lines = [f"[web]\n{APP}", f"[balancer]\n{EDGE}", "[all:vars]", "ansible_user=deploy"]
    lines += [f"ansible_ssh_private_key_file={lab / 'id_ed25519'}", f"ansible_ssh_common_args='{options}'"]
    lines += ["ansible_python_interpreter=/usr/bin/python3"]
    inventory = "\n".join(lines)
    for name in (APP, EDGE):
        inventory = inventory.replace(f"]\n{name}", f"]\n{name} ansible_host={address(stack, name)}")
    (folder / "hosts.ini").write_text(inventory + "\n")
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")},
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_SSH_ARGS": "-o ControlMaster=no",
        "ANSIBLE_PIPELINING": "true",
        "ANSIBLE_TIMEOUT": "60",
    }
    done = subprocess.run(
        [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(folder / "hosts.ini"), str(PLAYBOOK)],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def past_of(stack: Checkout, host: str) -> str:
    """Content, mode and owner of what the playbook put there, and what runs because of it."""
    files = f"stat -c '%n %a %U:%G' {ORIGINALS[host]} && sha256sum {ORIGINALS[host]}"
    units = "systemctl is-enabled haproxy nftables; systemctl is-active haproxy nftables; command -v haproxy"
    names = "ls /etc/systemd/system /etc/sysctl.d /opt /etc/ssh/sshd_config.d"
    return stack.on(host, f"{files}; {units}; {names}", expect=None)


@pytest.fixture(scope="module")
def past(stack: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The two hosts, set up and serving by the playbook; what they are like then. In the end the stack is as before."""
    stack.lab("up", APP, EDGE)
    said = play(stack, tmp_path_factory.mktemp("ansible"))
    assert re.search(r"Stop the old one[\s\S]*\.\.\.ignoring", said), "the habit that hides failures"
    assert httpx.get(f"http://{address(stack, EDGE)}/", timeout=5).text == "Hello from streamApp\n"
    yield {host: past_of(stack, host) for host in (APP, EDGE)}
    stack.make("up")


def test_what_was_started_by_hand_is_named_and_goes_on_until_somebody_ends_it(
    stack: Checkout, past: dict[str, str]
) -> None:
    with stack.config(**WITH_APP):
        said = stack.make("up", expect=1)
    found = re.findall(r"port 8001 is taken by python3 \(process (\d+) of \S+\): stop that and run again", said)
    assert found, said
    assert f"{APP} web-server: " in said
    assert stack.on(APP, "curl --silent http://127.0.0.1:8001/") == "Hello from streamApp"
    # From the first role on, only what is declared is open: what runs there by hand is closed to the outside.
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://{address(stack, EDGE)}/", timeout=2)
    # As the guide says: that process, by its number.
    stack.on(APP, f"kill {found[0]}")


def test_up_takes_the_hosts_over_and_says_what_it_kept(stack: Checkout, past: dict[str, str]) -> None:
    with stack.config(**WITH_BOTH):
        said = stack.make("up")
        assert f"{EDGE} haproxy: kept the original of /etc/haproxy/haproxy.cfg; removal puts it back" in said
        url = stack.outputs()["web_url"]
        pages = {re.findall(r"Server \d", httpx.get(url, timeout=5).text)[0] for _ in range(12)}
        assert pages == {"Server 1", "Server 2", "Server 3"}
        answer = httpx.get(f"http://{address(stack, EDGE)}/", timeout=5)
        assert "Hello, World!" in answer.text
        assert "X-Configured-By" not in answer.headers
        assert "kept the original" not in stack.make("up")


def test_hosts_that_are_let_go_are_as_the_playbook_left_them(stack: Checkout, past: dict[str, str]) -> None:
    stack.make("up")
    assert {host: past_of(stack, host) for host in (APP, EDGE)} == past
    stack.on(APP, "nohup /opt/streamApp/start-simple.sh >/var/log/streamApp.log 2>&1 </dev/null &")
    page = f"http://{address(stack, EDGE)}/"
    eventually(lambda: httpx.get(page, timeout=5).text == "Hello from streamApp\n", 20, "the old page is served again")
    # Of HAProxy's own errors, while nothing stood behind it, no header says who configured it.
    assert httpx.get(page, timeout=5).headers["X-Configured-By"] == "playbook"
