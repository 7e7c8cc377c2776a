"""What the host is, and whether that is enough for a role."""

from __future__ import annotations

import os
import re
import sys
from typing import TypedDict

from .machine import Machine
from .values import Requirements

_DEBIAN_NAMES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "armhf", "i686": "i386", "ppc64le": "ppc64el"}
_KIB = 1024
# MemTotal is what the kernel left over; a machine sold as 4 GiB shows a few percent less.
_MEMORY_SLACK = 0.93


class Facts(TypedDict):
    """What a host says about itself. Sizes in bytes, time in seconds since 1970."""

    hostname: str
    system: str
    architecture: str
    kernel: str
    python: str
    memory_bytes: int
    disk_free_bytes: int
    cpus: int
    time: float
    interfaces: list[str]
    container: str


def facts(machine: Machine) -> Facts:
    """Reads what the host is; no command is run."""
    release = dict(re.findall(r'(?m)^([A-Z_]+)="?([^"\n]*)"?$', machine.text("/etc/os-release")))
    memory = re.search(r"(?m)^MemTotal:\s+(\d+) kB", machine.text("/proc/meminfo"))
    kernel = os.uname()
    space = os.statvfs(machine.at("/"))
    return {
        "hostname": kernel.nodename,
        "system": f"{release.get('ID', '')}:{release.get('VERSION_ID', '')}",
        "architecture": _DEBIAN_NAMES.get(kernel.machine, kernel.machine),
        "kernel": kernel.release,
        "python": python_version(),
        "memory_bytes": int(memory.group(1)) * _KIB if memory else 0,
        "disk_free_bytes": space.f_bavail * space.f_frsize,
        "cpus": len(os.sched_getaffinity(0)),
        "time": machine.now(),
        "interfaces": machine.names("/sys/class/net"),
        "container": machine.text("/run/systemd/container").strip(),
    }


def python_version() -> str:
    """The version of the Python that runs this program."""
    return ".".join(str(part) for part in sys.version_info[:3])


def shortfalls(wanted: Requirements, host: Facts, clock_offset_seconds: float | None) -> list[str]:
    """Every requirement the host does not meet, as sentences; empty when it is good.

    `clock_offset_seconds` is how far the clock is off the controller's at least; None means nobody has asked.
    """
    missing: list[str] = []
    if wanted.systems and host["system"] not in wanted.systems:
        missing.append(f"system is {host['system']}, supported are {', '.join(wanted.systems)}")
    names = {_DEBIAN_NAMES.get(name, name) for name in wanted.architectures}
    if names and host["architecture"] not in names:
        missing.append(f"architecture is {host['architecture']}, supported are {', '.join(sorted(names))}")
    if wanted.kernel and _version(host["kernel"]) < _version(wanted.kernel):
        missing.append(f"kernel is {host['kernel']}, needed is {wanted.kernel} or newer")
    if host["memory_bytes"] < wanted.memory_bytes * _MEMORY_SLACK:
        missing.append(f"memory is {host['memory_bytes']:,} bytes, needed are {wanted.memory_bytes:,}")
    if host["disk_free_bytes"] < wanted.disk_free_bytes:
        missing.append(f"free disk space is {host['disk_free_bytes']:,} bytes, needed are {wanted.disk_free_bytes:,}")
    if host["cpus"] < wanted.cpus:
        missing.append(f"there are {host['cpus']} CPUs, needed are {wanted.cpus}")
    offset = clock_offset_seconds or 0
    if wanted.clock_offset_seconds and abs(offset) > wanted.clock_offset_seconds:
        missing.append(
            f"clock differs by {offset:+.1f} s from the controller's, allowed are {wanted.clock_offset_seconds:g} s"
        )
    absent = [name for name in wanted.interfaces if name not in host["interfaces"]]
    if absent:
        missing.append(f"no interface {', '.join(absent)}, there are {', '.join(host['interfaces'])}")
    return missing


def _version(text: str) -> tuple[int, ...]:
    found = re.match(r"\d+(\.\d+)*", text)
    return tuple(int(part) for part in found.group().split(".")) if found else ()
