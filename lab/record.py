"""What a lab remembers between two commands: its number, its network, its hosts and the faults they have."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from toolchain.cache import PROJECT
from toolchain.failure import Failure

FIRST_HOST, LAST_HOST, VIRTUAL_IP, GATEWAY = 11, 250, 100, 1
"""Last bytes of the addresses in a lab's /24."""
DEFAULT_HOSTS = tuple((PROJECT / "lab" / "hosts.txt").read_text().split())


@dataclass(frozen=True)
class Host:
    """A host of the lab. `number` is the last byte of its address; faults outlive a restart, as a pulled cable does.

    A `password_only` host was made without the deploy user; see password_only.py.
    """

    name: str
    number: int
    cut: bool = False
    loss_percent: float = 0
    password_only: bool = False


@dataclass(frozen=True)
class Lab:
    """A lab in `directory`; `network` is a /24 like `10.77.0.0/24`, empty before the first start."""

    directory: Path
    network: str = ""
    hosts: tuple[Host, ...] = field(default=())

    @property
    def id(self) -> str:
        """Six digits that tell this checkout's lab from every other one on the machine."""
        return hashlib.sha256(str(self.directory).encode()).hexdigest()[:6]

    @property
    def bridge(self) -> str:
        """The bridge all hosts are plugged into."""
        return f"lab{self.id}"

    @property
    def nat_table(self) -> str:
        """The nftables table that lets the hosts reach what the machine reaches."""
        return f"soundstage_{self.id}"

    def machine(self, host: Host) -> str:
        """The container's name, unique on the machine."""
        return f"{self.id}h{host.number}"

    def link(self, host: Host) -> str:
        """The machine's end of the host's network cable."""
        return f"vb-{self.machine(host)}"

    def loss_table(self, host: Host) -> str:
        """The nftables table that drops some of the host's packets."""
        return f"{self.nat_table}_h{host.number}"

    def disk(self, host: Host) -> Path:
        """The directory that holds the host's disk and console."""
        return self.directory / "hosts" / host.name

    def address(self, number: int) -> str:
        """The address with this last byte."""
        return str(ipaddress.IPv4Network(self.network)[number])

    def host(self, name: str) -> Host:
        """The host of this name. Raises Failure naming the ones there are."""
        for host in self.hosts:
            if host.name == name:
                return host
        known = ", ".join(host.name for host in self.hosts) or "none: ./lab/lab up"
        raise Failure(f"no host {name!r} in this lab (there are: {known})")

    def with_host(self, changed: Host) -> Lab:
        """This lab with `changed` in place of the host of the same name, or added."""
        others = tuple(host for host in self.hosts if host.name != changed.name)
        return replace(self, hosts=tuple(sorted((*others, changed), key=lambda host: host.number)))


def load(directory: Path) -> Lab:
    """The lab remembered in `directory`, or an empty one."""
    path = directory / "lab.json"
    if not path.is_file():
        return Lab(directory)
    stored = json.loads(path.read_text())
    return Lab(directory, stored["network"], tuple(Host(**host) for host in stored["hosts"]))


def save(lab: Lab) -> None:
    """Remember the lab, atomically."""
    text = json.dumps({"network": lab.network, "hosts": [asdict(host) for host in lab.hosts]}, indent=2)
    write(lab.directory / "lab.json", text + "\n")


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """Replace the file `path` in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text)
    temporary.chmod(mode)
    os.replace(temporary, path)


def named(lab: Lab, names: list[str], count: int | None, *, password_only: bool = False) -> Lab:
    """The lab with these hosts added: the given names, or the first `count` of the default ones and spares."""
    wanted = names or list(DEFAULT_HOSTS)
    if count is not None:
        wanted = [*wanted, *(f"spare{number}" for number in range(1, count + 1))][:count]
    for name in wanted:
        if not name.replace("-", "").isalnum() or not name.islower() or len(name) > 40:
            raise Failure(f"{name!r} is no host name: small letters, digits and dashes, at most 40")
        if name not in {host.name for host in lab.hosts}:
            taken = {host.number for host in lab.hosts} | {VIRTUAL_IP}
            number = next((n for n in range(FIRST_HOST, LAST_HOST) if n not in taken), None)
            if number is None:
                raise Failure(f"the lab is full: {len(lab.hosts)} hosts")
            lab = lab.with_host(Host(name, number, password_only=password_only))
    return lab
