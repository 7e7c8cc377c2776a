"""A host as processes of the machine: start, power cut, reboot, a command inside."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path

from lab import disk, network
from lab.record import Host, Lab
from lab.shell import output, wait_until
from toolchain.failure import Failure

BOOT_SECONDS = 60.0
STOP_SECONDS = 20.0
_BOOT = Path(__file__).resolve().parent / "boot.sh"


def supervisors(lab: Lab) -> dict[int, int]:
    """Process number of each running host's container, by the host's number; read from the machine, never remembered."""
    prefix = f"--machine={lab.id}h"
    running: dict[int, int] = {}
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            for argument in _arguments(int(process.name)):
                if argument.startswith(prefix):
                    running[int(argument.removeprefix(prefix))] = int(process.name)
    return running


def start(lab: Lab, host: Host, image: Path) -> None:
    """Switch the host on; returns when its cable is plugged in, before it has booted."""
    wait_until(lambda: not network.link_exists(lab.link(host)), f"the old cable of {host.name} to go", STOP_SECONDS)
    argv = ["unshare", "--mount", "--propagation", "private", "sh", str(_BOOT), str(image / "root"), str(lab.disk(host))]
    argv += ["--quiet", "--register=no", "--keep-unit", f"--machine={lab.machine(host)}", f"--hostname={host.name}"]
    argv += [f"--network-bridge={lab.bridge}", "--resolv-conf=off", "--timezone=off", "--link-journal=no"]
    argv += [disk.archive_bind(image), "--boot"]
    with (lab.disk(host) / "console.log").open("ab") as console:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True, cwd="/"
        )
    wait_until(
        lambda: process.poll() is not None or network.link_exists(lab.link(host)), f"the cable of {host.name}", BOOT_SECONDS
    )
    if process.poll() is not None:
        tail = (lab.disk(host) / "console.log").read_text(errors="replace").splitlines()[-10:]
        raise Failure(f"{host.name} did not start:\n" + "\n".join(tail))
    network.apply_faults(lab, host)


def power_cut(lab: Lab, host: Host) -> bool:
    """End every process of the host at once, as a power cut does; returns whether it was running."""
    supervisor = supervisors(lab).get(host.number)
    if supervisor is None:
        return False
    for process in (_init(supervisor), supervisor):
        if process is not None and _alive(process):
            os.kill(process, signal.SIGKILL)
    wait_until(lambda: not _alive(supervisor), f"the processes of {host.name} to end", STOP_SECONDS)
    wait_until(lambda: not network.link_exists(lab.link(host)), f"the cable of {host.name} to go", STOP_SECONDS)
    return True


def reboot(lab: Lab, host: Host) -> None:
    """Let the host shut down in order and boot again; its faults stay."""
    before = init_of(lab, host)
    output(inside(lab, host, ["systemctl", "--no-block", "reboot"]))

    def booted_again() -> bool:
        supervisor = supervisors(lab).get(host.number)
        now = None if supervisor is None else _init(supervisor)
        return now is not None and now != before

    wait_until(booted_again, f"{host.name} to reboot", BOOT_SECONDS)
    network.apply_faults(lab, host)


def init_of(lab: Lab, host: Host) -> int:
    """The process number of the host's PID 1. Raises Failure if the host is off."""
    supervisor = supervisors(lab).get(host.number)
    init = None if supervisor is None else _init(supervisor)
    if init is None:
        raise Failure(f"{host.name} is off: ./lab/lab start {host.name}")
    return init


def inside(lab: Lab, host: Host, command: list[str]) -> list[str]:
    """The command line that runs `command` as root in the host, whatever state its network is in."""
    enter = ["nsenter", f"--target={init_of(lab, host)}", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"]
    environment = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"]
    return [*enter, "--root", "--wd=/", "--", "env", "-i", *environment, f"TERM={os.environ.get('TERM', 'dumb')}", *command]


def answers_ssh(address: str) -> bool:
    """Whether an SSH server greets at this address."""
    try:
        with socket.create_connection((address, 22), timeout=1) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def _arguments(process: int) -> list[str]:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def _alive(process: int) -> bool:
    return _arguments(process) not in ([], [""])


def _init(supervisor: int) -> int | None:
    """The child of the container's supervisor that is PID 1 in its own namespace."""
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields.get("PPid") == str(supervisor) and fields.get("NSpid", "").split()[1:] == ["1"]:
            return int(fields["Pid"])
    return None
