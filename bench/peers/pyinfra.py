"""pyinfra, with its default of all hosts at once."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from bench.peers.given import HERE, Given, program
from bench.stack import Run, timed


class Pyinfra:
    """Runs the deploy."""

    name = "pyinfra"

    def __init__(self, given: Given) -> None:
        self._given = given

    def apply(self, revision: Mapping[str, int]) -> Run:
        """One run of the deploy, as it ended."""
        command = [program("pyinfra"), "--yes", str(self._inventory(revision)), str(HERE / "deploy" / "deploy.py")]
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYINFRA_", "PYTHON"))}
        return timed(command, HERE / "deploy", environment)

    def changes(self, run: Run) -> int:
        """How many operations changed something, over all hosts: the third column of the closing line."""
        found = re.search(r"(?m)^\s*Grand total\s+\d+\s+(\S+)", run.text)
        return int(found[1]) if found and found[1].isdigit() else 0

    def _inventory(self, revision: Mapping[str, int]) -> Path:
        hosts = [
            (
                name,
                {
                    "ssh_hostname": address,
                    "ssh_user": self._given.user,
                    "ssh_key": str(self._given.identity_file),
                    "ssh_known_hosts_file": str(self._given.known_hosts),
                    "ssh_strict_host_key_checking": "yes",
                    "ssh_allow_agent": False,
                    "_sudo": True,
                    "items": str(self._given.items),
                    "revision": revision.get(name, 0),
                },
            )
            for name, address in self._given.addresses.items()
        ]
        path = self._given.directory / "inventory.py"
        path.write_text(f"hosts = {hosts!r}\n")
        return path
