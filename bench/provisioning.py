"""Hosts for the provisioning figures: a lab beside the platform's, with a state of its own, gone afterwards."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from bench.fleet import items
from bench.hosts import PLATFORM, LabHosts, lab_command
from bench.stack import Run, Stack, local_backend, succeeded
from toolchain.cache import PROJECT

HOSTS = ("fleet1", "fleet2", "fleet3", "fleet4", "fleet5")
ITEMS = items.PARTS * items.ITEMS_PER_PART
_PROGRAM = PROJECT / "bench" / "fleet"
_PROJECT_NAME = "soundstage-bench"
_STACK = "fleet"


class Provisioning:
    """Fresh hosts and their stack, on which nothing has been applied yet.

    Without `from_archive` the packages are those that every host of the lab has from its beginning.
    """

    directory = PLATFORM / "bench"

    def __init__(self, names: Sequence[str] = HOSTS, parts: int = items.PARTS, *, from_archive: bool = True) -> None:
        self.names = tuple(names)
        self._parts = parts
        self._from_archive = from_archive
        self._endpoints: Mapping[str, str] = {}
        self._hosts: LabHosts | None = None
        self._stack: Stack | None = None

    def __enter__(self) -> Self:
        # What an earlier, interrupted run left behind would be measured as well.
        self._remove()
        try:
            self.renew()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()

    @property
    def hosts(self) -> LabHosts:
        """The hosts."""
        self._hosts = self._hosts or LabHosts(self.directory)
        return self._hosts

    @property
    def stack(self) -> Stack:
        """The stack of the program in bench/fleet, with a state of its own."""
        if self._stack is None:
            environment = {**local_backend(self.directory), "PYTHONPATH": str(PROJECT)}
            self._stack = Stack(_PROGRAM, _STACK, environment)
        return self._stack

    def renew(self) -> None:
        """Puts fresh hosts and an empty state in the place of what is there."""
        self._remove()
        lab_command(self.directory, "up", *self.names)
        succeeded(self.stack.pulumi("stack", "init"))
        self.revise({})

    def resize(self, names: Sequence[str], parts: int) -> None:
        """Other hosts and items; hosts that are new are switched on, those that are not named stay as they are."""
        self.names, self._parts, self._hosts = tuple(names), parts, None
        lab_command(self.directory, "up", *self.names)
        self.revise({})

    def reach_through(self, endpoints: Mapping[str, str]) -> None:
        """Connects to `address:port` instead of a host's own address; none of them means directly."""
        known_hosts = self.directory / "known_hosts"
        lines = known_hosts.read_text().splitlines()
        for name, endpoint in endpoints.items():
            address, _, port = endpoint.partition(":")
            keys = [line.partition(" ")[2] for line in lines if line.startswith(f"{self.hosts.address(name)} ")]
            lines += [f"[{address}]:{port} {key}" for key in keys]
        known_hosts.write_text("\n".join([*lines, ""]))
        self._endpoints = endpoints
        self.revise({})

    def up(self) -> Run:
        """`pulumi up --refresh`, as it ended."""
        return self.stack.pulumi("up", "--refresh", "--yes", "--skip-preview")

    def revise(self, revision: Mapping[str, int]) -> None:
        """Declares what stands in one file of each of these hosts."""
        config = {
            "lab": os.path.relpath(self.directory, _PROGRAM),
            "addresses": {name: self._endpoints.get(name) or self.hosts.address(name) for name in self.names},
            "parts": self._parts,
            "from_archive": self._from_archive,
            "revision": dict(revision),
        }
        text = json.dumps({"config": {f"{_PROJECT_NAME}:{key}": value for key, value in config.items()}})
        (self.directory / f"Pulumi.{_STACK}.yaml").write_text(text + "\n")

    def _remove(self) -> None:
        lab_command(self.directory, "down")
        if self.directory.is_dir():
            shutil.rmtree(self.directory)
        self._hosts = self._stack = None
