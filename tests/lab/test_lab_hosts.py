"""The lab's helper against real hosts: faults are real, disks stay, and nothing is left on the machine."""

from __future__ import annotations

import ipaddress
import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab.conftest import LabCommand

pytestmark = pytest.mark.lab

SETTINGS = ("net/ipv4/ip_forward", "fs/inotify/max_user_instances", "net/core/rmem_max", "net/core/wmem_max")


def greets(address: str) -> bool:
    try:
        with socket.create_connection((address, 22), timeout=0.5) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def eventually(true: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"


def nft(*arguments: str, stdin: str = "") -> str:
    return subprocess.run(["nft", *arguments], input=stdin, capture_output=True, text=True, check=True).stdout


@contextmanager
def machine_firewall(table: str, rules: str) -> Generator[None]:
    nft("-f", "-", stdin=rules)
    try:
        yield
    finally:
        nft("delete", "table", "ip", table)


def machine_state(*labs: LabCommand) -> dict[str, object]:
    """Everything these labs may change on the machine; labs of other checkouts may come and go meanwhile."""
    others = re.compile(rf"(^|/|lab|vb-|soundstage_)(?!{'|'.join(lab.id for lab in labs)})[0-9a-f]{{6}}(h\d+|_h\d+|$)")
    links = json.loads(subprocess.run(["ip", "-json", "link"], capture_output=True, text=True, check=True).stdout)
    tables = subprocess.run(["nft", "--json", "list", "tables"], capture_output=True, text=True, check=True).stdout
    runtime = (Path("/run/soundstage-lab"), Path("/run/systemd/nspawn"))
    names = {
        "links": [link["ifname"] for link in links],
        "tables": [item["table"]["name"] for item in json.loads(tables)["nftables"] if "table" in item],
        "mounts": Path("/proc/self/mounts").read_text().splitlines(),
        "settings": [f"{key}={Path('/proc/sys', key).read_text()}" for key in SETTINGS],
        "control groups": [str(path) for path in Path("/sys/fs/cgroup").glob("*/*") if path.is_dir()],
        "runtime files": [str(path) for root in runtime for path in root.rglob("*")],
    }
    return {kind: {name for name in found if not others.search(name)} for kind, found in names.items()}


def test_a_host_is_a_debian_12_with_systemd_and_a_deploy_user_that_has_sudo(lab: LabCommand) -> None:
    said = lab.run("ssh", "one", "--", "sudo -n id -un; . /etc/os-release; echo $ID:$VERSION_ID; id -un")
    assert said.split() == ["root", "debian:12", "deploy"]
    assert lab.on("one", "cat", "/proc/1/comm") == "systemd"
    assert lab.on("one", "systemctl", "--failed", "--quiet", "--plain") == ""


def test_each_host_has_keys_of_its_own_and_known_hosts_has_them_all(lab: LabCommand) -> None:
    lines = (lab.directory / "known_hosts").read_text().splitlines()
    addresses = {status["address"] for status in lab.hosts().values()}
    assert {line.split()[0] for line in lines} == addresses
    keys = [line.split()[2] for line in lines]
    assert len(keys) == len(set(keys)) == 6


def test_packages_install_from_the_lab_s_own_archive_with_the_network_cut(lab: LabCommand) -> None:
    lab.run("cut", "two")
    try:
        lab.on("two", "apt-get", "install", "--yes", "socat")
    finally:
        lab.run("heal", "two")
    assert lab.on("two", "sh", "-c", "command -v socat") == "/usr/bin/socat"


def test_the_stack_finds_the_addresses_by_name(lab: LabCommand) -> None:
    lines = (lab.directory / "addresses.yaml").read_text().splitlines()
    addresses = dict(line.split(": ") for line in lines)
    subnet = ipaddress.ip_network(addresses["subnet"])
    assert list(addresses) == ["one", "two", "subnet", "web", "gateway"]
    assert addresses["one"] == str(subnet[11])
    assert addresses["two"] == str(subnet[12])
    assert addresses["web"] == f"{subnet[100]}/24"
    assert addresses["gateway"] == str(subnet[1])


def test_a_cut_host_is_silent_and_alive_and_a_healed_one_answers_again(lab: LabCommand) -> None:
    address = lab.hosts()["one"]["address"]
    lab.run("cut", "one")
    assert not greets(address)
    assert lab.on("one", "cat", "/sys/class/net/host0/carrier") == "0"
    assert lab.hosts()["one"]["cut"]
    assert greets(lab.hosts()["two"]["address"])
    lab.run("heal", "one")
    eventually(lambda: greets(address), 5, "the healed host answers")


def test_a_cut_cable_stays_cut_over_a_restart(lab: LabCommand) -> None:
    lab.run("cut", "one")
    lab.run("kill", "one")
    lab.run("start", "one")
    assert not greets(lab.hosts()["one"]["address"])
    lab.run("heal", "one")
    eventually(lambda: greets(lab.hosts()["one"]["address"]), 10, "the healed host answers")


def test_a_killed_host_ends_without_a_shutdown_and_keeps_its_disk(lab: LabCommand) -> None:
    lab.on("one", "sh", "-c", "echo written > /srv/kept && sync && touch /run/lost")
    lab.run("kill", "one")
    assert not lab.hosts()["one"]["running"]
    assert lab.hosts()["two"]["running"]
    assert not greets(lab.hosts()["one"]["address"])
    assert "off" in lab.run("status", expect=1)
    lab.run("start", "one")
    assert greets(lab.hosts()["one"]["address"])
    assert lab.on("one", "cat", "/srv/kept") == "written"
    assert lab.on("one", "sh", "-c", "ls /run/lost || echo gone") == "gone"
    assert "Shutting down." not in lab.run("logs", "one", "--", "--boot=-1")


def test_a_host_that_is_owed_an_answer_when_it_is_killed_can_be_started_again_at_once(lab: LabCommand) -> None:
    address = lab.hosts()["one"]["address"]
    with socket.create_connection((address, 22), timeout=5) as connection:
        assert connection.recv(4) == b"SSH-"
        rule = f"ip saddr {address} tcp dport {connection.getsockname()[1]} drop"
        chain = f"chain input {{\n type filter hook input priority -10\n {rule}\n}}"
        # The host's end of the connection repeats its goodbye, and nobody ever answers.
        with machine_firewall("lab_silence", f"table ip lab_silence {{\n{chain}\n}}\n"):
            lab.run("kill", "one", seconds=15)
            lab.run("start", "one")
    assert greets(address)


def test_a_reboot_is_an_orderly_shutdown_and_a_new_boot_with_the_same_keys(lab: LabCommand) -> None:
    keys = (lab.directory / "known_hosts").read_text()
    before = lab.on("one", "journalctl", "--list-boots", "--quiet").splitlines()[-1].split()[1]
    lab.run("reboot", "one")
    boots = [line.split()[1] for line in lab.on("one", "journalctl", "--list-boots", "--quiet").splitlines()]
    assert before in boots[:-1]
    assert lab.run("ssh", "one", "--", "hostname").strip() == "one"
    assert (lab.directory / "known_hosts").read_text() == keys
    assert "Shutting down." in lab.run("logs", "one", "--", "--boot=-1", "--lines=30")


def test_impairment_loses_about_what_it_says_and_ends_with_zero(lab: LabCommand) -> None:
    def received() -> int:
        ping = ("ping", "-q", "-i", "0.005", "-c", "400", "-W", "1", lab.hosts()["two"]["address"])
        printed = lab.run("exec", "one", "--", "sh", "-c", f"{' '.join(ping)}; true")
        return int(re.findall(r"(\d+) received", printed)[0])

    assert received() == 400
    lab.run("impair", "two", "--loss", "20%")
    assert lab.hosts()["two"]["loss_percent"] == 20
    # Lost on the way there or back: 64 % of 400 come through, more than six standard deviations around it.
    assert 190 <= received() <= 320
    lab.run("impair", "two", "--loss", "0")
    assert received() == 400


def test_hosts_do_not_share_control_groups(lab: LabCommand) -> None:
    lab.on("one", "systemd-run", "--unit=marker", "--collect", "sleep", "60")
    assert lab.on("two", "systemctl", "is-active", "ssh.service") == "active"
    lab.on("two", "systemctl", "kill", "--kill-whom=all", "--signal=SIGKILL", "ssh.service")
    assert lab.on("one", "systemctl", "is-active", "ssh.service", "marker.service").split() == ["active", "active"]
    lab.on("one", "systemctl", "stop", "marker.service")
    lab.on("two", "systemctl", "restart", "ssh.service")


def test_an_unknown_host_is_refused_by_name(lab: LabCommand) -> None:
    done = subprocess.run(lab.argv("kill", "three"), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.strip() == "error: no host 'three' in this lab (there are: one, two)"


def test_a_second_lab_takes_the_next_network_and_leaves_nothing_behind(lab: LabCommand, tmp_path: Path) -> None:
    second = LabCommand(tmp_path / "second")
    before = machine_state(lab, second)
    second.run("up", "one")
    first_address = ipaddress.ip_address(lab.hosts()["one"]["address"])
    second_address = ipaddress.ip_address(second.hosts()["one"]["address"])
    assert int(second_address) >= int(first_address) + 2**16
    assert greets(str(first_address))
    assert greets(str(second_address))
    second.run("down")
    assert machine_state(lab, second) == before
    assert greets(str(first_address))
    assert list(second.directory.iterdir()) == []


def test_a_machine_that_drops_forwarded_packets_as_docker_does_lets_the_lab_s_through(tmp_path: Path) -> None:
    lab = LabCommand(tmp_path / "behind-docker")
    # Other labs on this machine are let through, so that only this one needs rules of its own.
    others = f'iifname != "lab{lab.id}" oifname != "lab{lab.id}" accept'
    chain = f"chain FORWARD {{\n type filter hook forward priority filter; policy drop;\n {others}\n}}\n"
    firewall = f"table ip forward_dropped {{\n{chain}}}\n"
    with machine_firewall("forward_dropped", firewall):
        before = nft("list", "table", "ip", "forward_dropped")
        lab.run("up", "one", "two")
        lab.on("one", "ping", "-c", "1", "-W", "2", lab.hosts()["two"]["address"])
        lab.run("up")
        assert nft("list", "table", "ip", "forward_dropped").count("comment") == 2
        lab.run("down")
        assert nft("list", "table", "ip", "forward_dropped") == before


def test_an_up_that_was_killed_half_way_is_repaired_by_the_next_one(lab: LabCommand, tmp_path: Path) -> None:
    broken = LabCommand(tmp_path / "broken")
    before = machine_state(lab, broken)
    for moment in ("lab.json", "hosts/one/console.log"):
        up = subprocess.Popen(broken.argv("up", "one", "two"), start_new_session=True, stderr=subprocess.PIPE)
        eventually((broken.directory / moment).exists, 30, f"{moment} is there")
        os.kill(up.pid, signal.SIGKILL)
        up.communicate()
    assert set(broken.run("up", "one", "two").split()) >= {"one", "two", "running"}
    assert all(greets(status["address"]) for status in broken.hosts().values())
    broken.run("down")
    assert machine_state(lab, broken) == before


def test_down_after_the_record_was_lost_still_ends_its_hosts(lab: LabCommand, tmp_path: Path) -> None:
    lost = LabCommand(tmp_path / "lost")
    before = machine_state(lab, lost)
    lost.run("up", "one")
    (lost.directory / "lab.json").unlink()
    lost.run("down")
    assert machine_state(lab, lost) == before


def test_no_process_of_a_lab_outlives_its_down(lab: LabCommand, tmp_path: Path) -> None:
    gone = LabCommand(tmp_path / "gone")
    gone.run("up", "one")
    gone.run("down")
    running = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.parent.exists()]
    assert not [line for line in running if f"--machine={gone.id}".encode() in line]
