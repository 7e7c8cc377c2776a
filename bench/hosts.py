"""The lab's hosts as a measurement uses them: faults from outside, commands inside, and what the machine knows."""

from __future__ import annotations

import subprocess
from pathlib import Path

from lab import host, record
from lab.shell import output, wait_until
from toolchain.cache import PROJECT
from toolchain.failure import Failure

PLATFORM = PROJECT / ".lab"
"""The lab of the stack."""


class LabHosts:
    """The hosts of one lab, by name."""

    def __init__(self, directory: Path = PLATFORM) -> None:
        self._directory = directory
        self._lab = record.load(directory)
        if not self._lab.hosts:
            raise Failure("there is no running platform to measure: make up")

    @property
    def names(self) -> tuple[str, ...]:
        """Every host of the lab."""
        return tuple(one.name for one in self._lab.hosts)

    @property
    def gateway(self) -> str:
        """The address of this machine in the lab's network: where clients and the controller come from."""
        return self._lab.address(record.GATEWAY)

    @property
    def bridge(self) -> str:
        """The bridge all hosts are plugged into."""
        return self._lab.bridge

    def address(self, name: str) -> str:
        """The host's own address."""
        return self._lab.address(self._lab.host(name).number)

    def init_of(self, name: str) -> int | None:
        """The process number of the host's PID 1, None while it is off."""
        try:
            return host.init_of(self._lab, self._lab.host(name))
        except Failure:
            return None

    def logins(self, name: str, since: float) -> int:
        """How often somebody logged in by SSH since that moment (seconds since 1970)."""
        words = ("journalctl", "--quiet", "--output=cat", "--identifier=sshd", f"--since=@{since:.3f}")
        return sum(line.startswith("Accepted ") for line in self.run(name, *words).splitlines())

    def traffic_bytes(self) -> int:
        """What went over the cables of all running hosts so far, both ways together."""
        cables = [Path("/sys/class/net", self._lab.link(one), "statistics") for one in self._lab.hosts]
        counters = [cable / f"{way}_bytes" for cable in cables for way in ("rx", "tx")]
        return sum(int(counter.read_text()) for counter in counters if counter.is_file())

    def run(self, name: str, *argv: str, stdin: str = "", seconds: float = 120) -> str:
        """What a command prints, run as root in the host. Raises Failure with its complaint."""
        done = self.try_run(name, *argv, stdin=stdin, seconds=seconds)
        if done.returncode != 0:
            complaint = (done.stderr or done.stdout).strip()
            raise Failure(f"{name}: {' '.join(argv)}: {complaint or f'ended with {done.returncode}'}")
        return done.stdout

    def try_run(self, name: str, *argv: str, stdin: str = "", seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """The same for a command whose failure is an answer."""
        command = host.inside(self._lab, self._lab.host(name), list(argv))
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=seconds)

    def cut(self, name: str) -> None:
        """Takes the host's network cable out."""
        lab_command(self._directory, "cut", name)

    def heal(self, name: str) -> None:
        """Puts the cable back."""
        lab_command(self._directory, "heal", name)

    def kill(self, name: str) -> None:
        """Power cut."""
        lab_command(self._directory, "kill", name)

    def start(self, name: str) -> None:
        """Switches the host on and waits for SSH."""
        lab_command(self._directory, "start", name)

    def reboot(self, name: str) -> None:
        """Shuts the host down in order and waits until it answers again."""
        lab_command(self._directory, "reboot", name)

    def wait_for_unit(self, name: str, unit: str, seconds: float = 60) -> None:
        """Returns when the unit is active. Raises Failure after `seconds`."""
        command = ("systemctl", "is-active", "--quiet", unit)
        wait_until(
            lambda: self.init_of(name) is not None and self.try_run(name, *command).returncode == 0,
            f"{unit} on {name}",
            seconds,
        )


def lab_command(directory: Path, *argv: str) -> str:
    """What `lab/lab` prints. Raises Failure with its complaint."""
    return output([str(PROJECT / "lab" / "lab"), "--dir", str(directory), *argv])
