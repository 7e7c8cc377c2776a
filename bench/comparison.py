"""The same items on the same hosts by several tools in one run; what counts is what the checker finds right."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from time import time
from typing import Protocol

from bench import checker
from bench.peers.ansible import Ansible
from bench.peers.given import Given, write
from bench.peers.pyinfra import Pyinfra
from bench.provisioning import Provisioning
from bench.stack import Run
from toolchain.failure import Failure

TRIALS = 3
OURS = "Soundstage"
Revision = Mapping[str, int]


class Tool(Protocol):
    """Makes the items true on the hosts; `revision` is the number in one file of each host."""

    @property
    def name(self) -> str:
        """As it stands in tables."""
        ...

    def apply(self, revision: Revision) -> Run:
        """One run, as it ended."""
        ...

    def changes(self, run: Run) -> int:
        """How many things the run says it changed."""
        ...


@dataclass(frozen=True)
class Measured:
    """One run: wall clock, the controller's processor time, SSH logins and bytes, over all hosts."""

    run: Run
    logins: int
    traffic_bytes: int


class Soundstage:
    """`pulumi up --refresh`."""

    name = OURS

    def __init__(self, fleet: Provisioning) -> None:
        self._fleet = fleet

    def apply(self, revision: Revision) -> Run:
        """Declares the revision, then times the run."""
        self._fleet.revise(revision)
        return self._fleet.up()

    def changes(self, run: Run) -> int:
        """Resources that were created, updated, replaced or deleted."""
        return sum(number for word, number in run.changes.items() if word != "unchanged")


class Comparison:
    """All tools on the hosts of one fleet."""

    def __init__(self, fleet: Provisioning) -> None:
        self.fleet = fleet
        lab = fleet.directory
        addresses = {name: fleet.hosts.address(name) for name in fleet.names}
        given = Given(lab / "peers", addresses, lab / "id_ed25519", lab / "known_hosts")
        write(given)
        peers = (Pyinfra(given), Ansible(given, mitogen=True), Ansible(given, mitogen=False))
        self.tools: tuple[Tool, ...] = (Soundstage(fleet), *peers)
        self.revision: dict[str, int] = {}
        self._prepared = False

    def tool(self, name: str) -> Tool:
        """The tool of this name."""
        return next(tool for tool in self.tools if tool.name == name)

    def measured(self, tool: Tool) -> Measured:
        """One run of `tool` with the present revision. Raises Failure when it fails or leaves an item wrong."""
        measured = self.watched(tool)
        if measured.run.status != 0:
            raise Failure(f"{tool.name} ended with {measured.run.status}:\n{measured.run.text[-3000:]}")
        self.check(tool, self.fleet.names)
        return measured

    def watched(self, tool: Tool) -> Measured:
        """The same, however it ends and whatever it leaves behind."""
        hosts = self.fleet.hosts
        self._prepare(tool)
        begin, before = time(), hosts.traffic_bytes()
        run = tool.apply(self.revision)
        running = [name for name in self.fleet.names if hosts.init_of(name) is not None]
        logins = sum(hosts.logins(name, begin) for name in running)
        return Measured(run, logins, hosts.traffic_bytes() - before)

    def _prepare(self, tool: Tool) -> None:
        """What a tool's manual wants on hosts beforehand is no part of its figure."""
        if isinstance(tool, Ansible) and not self._prepared:
            for name in self.fleet.names:
                if self.fleet.hosts.init_of(name) is not None:
                    self.fleet.hosts.run(name, "apt-get", "--yes", "--no-install-recommends", "install", "python3-apt")
            self._prepared = True

    def check(self, tool: Tool, names: Sequence[str]) -> None:
        """Raises Failure when an item is not right on one of these hosts."""
        wrong = checker.problems(self.fleet.hosts, names, self.revision)
        if wrong:
            raise Failure(f"after {tool.name}: {'; '.join(wrong[:5])} ({len(wrong)} in all)")


def in_turns(tools: Sequence[Tool], one: Callable[[Tool], Measured]) -> dict[str, list[Measured]]:
    """TRIALS runs of each tool, in turns, so that all of them meet the same moods of the machine."""
    found: dict[str, list[Measured]] = {tool.name: [] for tool in tools}
    for _ in range(TRIALS):
        for tool in tools:
            found[tool.name].append(one(tool))
    return found


def seconds(measured: Mapping[str, Sequence[Measured]]) -> dict[str, tuple[float, ...]]:
    """Wall clock of each trial, by tool."""
    return {name: tuple(round(each.run.seconds, 2) for each in runs) for name, runs in measured.items()}


def cost(measured: Mapping[str, Sequence[Measured]], hosts: int) -> tuple[str, ...]:
    """What else each tool took: processor time of the controller, logins and bytes a host."""
    return tuple(
        f"{name}: {median(each.run.cpu_seconds for each in runs):.1f} s of the controller's processors,"
        f" {median(each.logins for each in runs) / hosts:g} login(s)"
        f" and {median(each.traffic_bytes for each in runs) / hosts / 1024:.0f} KiB a host"
        for name, runs in measured.items()
    )
