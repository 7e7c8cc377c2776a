"""Who else listens where a role's units do: on a host with a past somebody may have been started there by hand."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection
from dataclasses import dataclass

from .machine import Machine

_LISTEN = "0A"


@dataclass(frozen=True)
class Listener:
    """A listening TCP socket and a process that has it open."""

    place: str
    port: int
    socket: str
    process: str
    name: str
    unit: str

    @property
    def described(self) -> str:
        """The process as a person looks for it."""
        return f"{self.name} (process {self.process} of {self.unit})"


def beside(machine: Machine, units: Collection[str]) -> str:
    """A sentence for every process that shares an address and port with one of the units; "" when there is none.

    Two sockets on one port share its connections: each program that allows it (SO_REUSEPORT) gets some of them.
    """
    listeners = _listeners(machine)
    ours = {(each.place, each.port): each for each in listeners if each.unit in units}
    return "; ".join(
        f"port {each.port} of {own.unit} is served by {each.described} too: stop that and run again"
        for each in listeners
        if (own := ours.get((each.place, each.port))) and each.unit not in units and each.socket != own.socket
    )


def in_the_way(machine: Machine, units: Collection[str], complaint: str) -> str:
    """A sentence for every process on a port that a unit complains of ("address already in use"), else ""."""
    if "in use" not in complaint:
        return ""
    lines = (line for line in complaint.splitlines() if "in use" in line or "port" in line)
    ports = {int(port) for line in lines for port in re.findall(r"(?:\bport |[:,] ?)(\d{1,5})\b", line)}
    found = {each.port: each for each in _listeners(machine) if each.port in ports and each.unit not in units}
    return "; ".join(f"port {port} is taken by {found[port].described}: stop that and run again" for port in found)


def _listeners(machine: Machine) -> list[Listener]:
    sockets: dict[str, tuple[str, int]] = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in machine.text(table).splitlines():
            fields = line.split()
            if len(fields) > 9 and fields[3] == _LISTEN:
                place, _, port = fields[1].partition(":")
                sockets[f"socket:[{fields[9]}]"] = place, int(port, 16)
    found: dict[str, Listener] = {}
    for process in filter(str.isdigit, machine.names("/proc")):
        with contextlib.suppress(OSError):  # a process that ended meanwhile
            for descriptor in machine.names(f"/proc/{process}/fd"):
                link = machine.link_target(f"/proc/{process}/fd/{descriptor}") or ""
                if link in sockets and link not in found:
                    name = machine.text(f"/proc/{process}/comm").strip()
                    found[link] = Listener(*sockets[link], link, process, name, _unit(machine, process))
    return sorted(found.values(), key=lambda each: (each.port, each.process))


def _unit(machine: Machine, process: str) -> str:
    """The systemd unit the process runs in, as its control groups say."""
    groups = re.findall(r"(?m)^(?:0:|\d+:name=systemd):(\S+)$", machine.text(f"/proc/{process}/cgroup"))
    names = [name for group in groups for name in group.split("/") if name.endswith((".service", ".scope"))]
    return names[-1] if names else "no unit"
