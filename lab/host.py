"""A host as processes of the machine: start, power cut, reboot, a command inside."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import uuid
from contextlib import suppress
from pathlib import Path

from lab import disk, network
from lab.record import Host, Lab
from lab.shell import output, wait_until
from toolchain.failure import Failure

BOOT_SECONDS = 60.0
STOP_SECONDS = 20.0
_BOOT = Path(__file__).resolve().parent / "boot.sh"


def processes(lab: Lab) -> dict[int, set[int]]:
    """The machine's processes that keep each running host up, by the host's number; read from the machine each time."""
    prefix = f"--machine={lab.id}h"
    found: dict[int, set[int]] = {}
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            for argument in _arguments(int(process.name)):
                if argument.startswith(prefix):
                    found.setdefault(int(argument.removeprefix(prefix)), set()).add(int(process.name))
    return found


def start(lab: Lab, host: Host) -> None:
    """Switch the host on; returns when its cable is plugged in, before it has booted."""
    power_cut(lab, host)
    image = disk.image_of(lab, host)
    argv = ["unshare", "--mount", "--propagation", "private"]
    argv += ["sh", str(_BOOT), str(image / "root"), str(lab.disk(host)), f"--machine={lab.machine(host)}"]
    argv += ["--quiet", "--register=no", "--keep-unit", f"--hostname={host.name}"]
    argv += [f"--network-bridge={lab.bridge}", "--resolv-conf=off", "--timezone=off", "--link-journal=no"]
    argv += [disk.archive_bind(image), "--boot"]
    with (lab.disk(host) / "console.log").open("ab") as console:
        process = subprocess.Popen(
            [*_outside_of_the_session(lab, host), *argv],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            start_new_session=True,
            cwd="/",
        )
    cable = lab.link(host)
    wait_until(lambda: process.poll() is not None or network.link_exists(cable), f"{host.name} to start", BOOT_SECONDS)
    if process.poll() is not None:
        tail = (lab.disk(host) / "console.log").read_text(errors="replace").splitlines()[-10:]
        raise Failure(f"{host.name} did not start:\n" + "\n".join(tail))
    network.apply_faults(lab, host)


def power_cut(lab: Lab, host: Host) -> bool:
    """End every process of the host at once, as a power cut does; returns whether there was any."""
    keepers = processes(lab).get(host.number, set())
    first = _init(keepers)
    for process in (*keepers, *([first] if first else [])):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    wait_until(lambda: host.number not in processes(lab), f"the processes of {host.name} to end", STOP_SECONDS)
    network.take_away(lab.link(host))
    _remove_control_groups(lab.machine(host))
    return bool(keepers)


def reboot(lab: Lab, host: Host) -> None:
    """Let the host shut down in order and boot again; its faults stay."""
    before = init_of(lab, host)
    output(inside(lab, host, ["systemctl", "--no-block", "reboot"]))

    def booted_again() -> bool:
        return init(lab, host) not in (None, before)

    wait_until(booted_again, f"{host.name} to reboot", BOOT_SECONDS)
    network.apply_faults(lab, host)


def init(lab: Lab, host: Host) -> int | None:
    """The process number, on the machine, of the host's PID 1; None while the host is off."""
    return _init(processes(lab).get(host.number, set()))


def init_of(lab: Lab, host: Host) -> int:
    """The process number of the host's PID 1. Raises Failure if the host is off."""
    process = init(lab, host)
    if process is None:
        raise Failure(f"{host.name} is off: ./lab/lab start {host.name}")
    return process


def inside(lab: Lab, host: Host, command: list[str]) -> list[str]:
    """The command line that runs `command` as root in the host, whatever state its network is in."""
    enter = ["nsenter", f"--target={init_of(lab, host)}", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"]
    environment = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"]
    environment.append(f"TERM={os.environ.get('TERM', 'dumb')}")
    return [*enter, "--root", "--wd", "--", "env", "-i", *environment, *command]


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


def _init(keepers: set[int]) -> int | None:
    """The child of the container's supervisor that is PID 1 in its own namespace."""
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields.get("PPid", 0)) in keepers and fields.get("NSpid", "").split()[1:] == ["1"]:
            return int(fields["Pid"])
    return None


def _outside_of_the_session(lab: Lab, host: Host) -> list[str]:
    """Where systemd runs the machine, a host must not end with the login that started it."""
    if not Path("/run/systemd/system").is_dir():
        return []
    unit = f"soundstage-{lab.machine(host)}-{uuid.uuid4().hex[:8]}"
    return ["systemd-run", "--scope", "--quiet", "--collect", "--property=Delegate=yes", f"--unit={unit}"]


def _remove_control_groups(machine: str) -> None:
    # os.walk passes over what other hosts take away meanwhile.
    found = ((Path(parent), names) for parent, names, _ in os.walk("/sys/fs/cgroup"))
    groups = [parent / name for parent, names in found for name in names if name.startswith(f"{machine}-")]

    def removed() -> bool:
        for group in groups:
            for directory, _, _ in os.walk(group, topdown=False):
                with suppress(OSError):  # still busy while its last process is being reaped
                    Path(directory).rmdir()
        return not any(group.exists() for group in groups)

    wait_until(removed, "control groups to empty", STOP_SECONDS)
