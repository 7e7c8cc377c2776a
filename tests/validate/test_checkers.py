"""Every text our roles put on a host goes through the checker of the daemon that reads it; broken texts do not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from roles.model import Check, Role
from tests.unit.roles.samples import SAMPLES
from tests.validate import host

FIREWALL = SAMPLES["firewall"]
VALIDATED = [name for name, role in SAMPLES.items() if role.validate_with]
SANDBOXED = {
    "haproxy": "haproxy.service",
    "nginx": "nginx.service",
    "web-server": "web@8001.service",
    "kv-store": "kv-store.service",
    "keepalived": "keepalived.service",
}
BROKEN = {
    "haproxy": ("/etc/haproxy/haproxy.cfg", "frontend web\n\tbalanse roundrobin\n"),
    "nginx": ("/etc/nginx/nginx.conf", "events { }\nhttp { serverr { } }\n"),
    "keepalived": ("/etc/keepalived/keepalived.conf", "vrrp_instance a {\n\tadvert_intervall 1\n}\n"),
    "sshd": ("/etc/ssh/sshd_config.d/10-soundstage.conf", "PermitRootLogin perhaps\n"),
    "firewall": ("/etc/nftables.conf", "table inet soundstage { chain input { tcp dport http-ish accept } }\n"),
    "kv-store": ("/etc/nftables.d/50-kv-store.nft", "ip saddr 10.0.0.0/33 accept\n"),
    "web-server": ("/etc/systemd/system/web@.service", "[Service]\nExecStart=/no/such/program\n"),
    "baseline": ("/etc/apt/apt.conf.d/90soundstage-unattended-upgrades", 'Unattended-Upgrade::MinimalSteps "true\n'),
}


@pytest.fixture(scope="session")
def lower() -> str:
    return host.packages()


def with_firewall(role: Role) -> list[Role]:
    return [role] if role.name == "firewall" else [FIREWALL, role]


def refused(lower: str, role: Role, check: Check, extra: dict[str, str]) -> bool:
    return host.ask(lower, with_firewall(role), check.argv, extra=extra).status not in check.accept


@pytest.mark.parametrize("name", VALIDATED)
def test_the_real_checkers_accept_the_role(lower: str, name: str) -> None:
    for check in SAMPLES[name].validate_with:
        answer = host.ask(lower, with_firewall(SAMPLES[name]), check.argv)
        assert answer.status in check.accept, f"{check.argv}: {answer.said}"


def test_every_checker_is_proven_to_refuse() -> None:
    assert {SAMPLES[name].name for name in VALIDATED} == {SAMPLES[name].name for name in BROKEN}


@pytest.mark.parametrize("name", BROKEN)
def test_the_real_checkers_refuse_a_broken_file(lower: str, name: str) -> None:
    path, content = BROKEN[name]
    assert any(refused(lower, SAMPLES[name], check, {path: content}) for check in SAMPLES[name].validate_with)


@pytest.mark.parametrize(
    ("name", "units"),
    [
        *((name, (unit,)) for name, unit in SANDBOXED.items()),
        ("firewall", ("nftables.service",)),
        ("sshd", ("ssh.service",)),
        ("baseline-otherwise", ("audio.slice", "apt-daily-upgrade.timer")),
    ],
)
def test_systemd_finds_nothing_wrong_with_a_unit(lower: str, name: str, units: tuple[str, ...]) -> None:
    # keepalived needs the unit of the balancer it follows.
    roles = [SAMPLES["haproxy"], SAMPLES[name]] if name == "keepalived" else [SAMPLES[name]]
    answer = host.ask(lower, roles, ("systemd-analyze", "verify", "--man=no", *units))
    assert (answer.status, answer.said) == (0, "")


@pytest.mark.parametrize(("name", "unit"), SANDBOXED.items())
def test_a_unit_is_exposed_no_more_than_it_must_be(lower: str, name: str, unit: str) -> None:
    limit = 40 if name == "keepalived" else 25
    argv = ("systemd-analyze", "security", "--offline=true", f"--threshold={limit}", unit)
    answer = host.ask(lower, [SAMPLES[name]], argv)
    assert answer.status == 0, answer.said[-200:]
    assert "Overall exposure level" in answer.said


@pytest.mark.parametrize("name", ["haproxy", "keepalived", "sshd"])
def test_the_shell_and_python_of_the_host_read_our_scripts(lower: str, name: str) -> None:
    role = SAMPLES[name]
    scripts = [path for path, file in role.files.items() if file.mode == "0755"]
    assert scripts
    for path in scripts:
        python = "haproxy" in path
        compiled = f"import ast, pathlib; ast.parse(pathlib.Path({path!r}).read_text())"
        argv = ("python3", "-c", compiled) if python else ("sh", "-n", path)
        answer = host.ask(lower, [role], argv)
        assert (answer.status, answer.said) == (0, "")


def test_unattended_upgrades_take_security_updates_only(lower: str) -> None:
    answer = host.ask(lower, [SAMPLES["baseline"]], ("unattended-upgrade", "--dry-run", "--verbose"))
    allowed = next(line for line in answer.said.splitlines() if line.startswith("Allowed origins are: "))
    assert allowed.endswith(
        "Allowed origins are: origin=Debian,codename=bookworm,label=Debian-Security, "
        "origin=Debian,codename=bookworm-security,label=Debian-Security, "
        "origin=Ubuntu,archive=bookworm-security,label=Ubuntu"
    )


@pytest.mark.parametrize(
    ("program", "path"),
    [
        ("/lib/systemd/systemd-timesyncd", "/etc/systemd/timesyncd.conf.d/soundstage.conf"),
        ("/lib/systemd/systemd-journald", "/etc/systemd/journald.conf.d/soundstage.conf"),
    ],
)
def test_systemd_daemons_know_every_key(lower: str, program: str, path: str) -> None:
    read = ("sh", "-c", f"SYSTEMD_LOG_TARGET=console timeout 2 {program} 2>&1 | grep soundstage.conf")
    content = host.text(SAMPLES["baseline-otherwise"].files[path].content)
    assert host.ask(lower, [SAMPLES["baseline-otherwise"]], read).said == ""
    wrong = host.ask(lower, [SAMPLES["baseline-otherwise"]], read, extra={path: content + "NoSuchKey=1\n"})
    assert "Unknown key" in wrong.said


def test_sshd_passes_the_policy_for_hardened_debian_12(lower: str) -> None:
    policy = "Hardened Debian 12 (version 3)"
    audit = ("outside", sys.executable, "-m", "ssh_audit.ssh_audit", "--no-colors", "--policy", policy, "127.0.0.1")
    setup = "/usr/local/sbin/ssh-host-material\n/usr/sbin/sshd -o PidFile=/run/sshd.pid"
    answer = host.ask(lower, [SAMPLES["sshd"]], audit, setup=setup)
    assert "Passed" in answer.said, answer.said
    assert answer.status == 0


def test_nothing_of_a_check_stays_on_this_machine(lower: str) -> None:
    def asked(*argv: str, status: int = 0) -> str:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stderr
        return done.stdout

    mounts = ("findmnt", "--list", "--noheadings")
    before = asked(*mounts)
    host.ask(lower, [SAMPLES["haproxy"]], ("true",), setup="sleep 86399 >/dev/null 2>&1 &")
    assert asked(*mounts) == before
    assert asked("pgrep", "--full", "sleep 86399", status=1) == "", "status 1 says that there is none"
