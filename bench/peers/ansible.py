"""Ansible as people tune it for many hosts, alone or with Mitogen."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bench.peers.given import HERE, Given, program, site_packages
from bench.stack import Run, timed
from lab.shell import output


class Ansible:
    """Runs the playbook; every run begins without open connections, as one from a fresh shell does."""

    def __init__(self, given: Given, *, mitogen: bool) -> None:
        self.name = "Ansible + Mitogen" if mitogen else "Ansible"
        self._given = given
        self._mitogen = mitogen

    def apply(self, revision: Mapping[str, int]) -> Run:
        """One run of the playbook, as it ended."""
        inventory = self._inventory(revision)
        # The paths of control sockets are limited to about a hundred characters.
        with tempfile.TemporaryDirectory(prefix="cp") as sockets:
            command = [program("ansible-playbook"), "--inventory", str(inventory)]
            command += ["--extra-vars", f"@{self._given.items}", str(HERE / "playbook" / "site.yaml")]
            try:
                return timed(command, HERE / "playbook", self._environment(sockets))
            finally:
                self._close(Path(sockets))

    def changes(self, run: Run) -> int:
        """How many tasks changed something, over all hosts."""
        return sum(int(number) for number in re.findall(r"(?m)^\S+\s*: ok=\d+\s+changed=(\d+)", run.text))

    def _inventory(self, revision: Mapping[str, int]) -> Path:
        hosts = {
            name: {"ansible_host": address, "revision": revision.get(name, 0)}
            for name, address in self._given.addresses.items()
        }
        path = self._given.directory / "inventory.json"
        path.write_text(json.dumps({"all": {"hosts": hosts}}))
        return path

    def _environment(self, sockets: str) -> dict[str, str]:
        options = f"-o ControlMaster=auto -o ControlPersist=60s -o UserKnownHostsFile={self._given.known_hosts}"
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "PYTHON"))},
            "ANSIBLE_PRIVATE_KEY_FILE": str(self._given.identity_file),
            "ANSIBLE_REMOTE_USER": self._given.user,
            "ANSIBLE_SSH_ARGS": f"{options} -o IdentityAgent=none -o IdentitiesOnly=yes",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": sockets,
        }
        if self._mitogen:
            environment["ANSIBLE_STRATEGY_PLUGINS"] = str(site_packages() / "ansible_mitogen" / "plugins" / "strategy")
            environment["ANSIBLE_STRATEGY"] = "mitogen_linear"
        return environment

    def _close(self, sockets: Path) -> None:
        for socket in sockets.iterdir():
            if socket.is_socket():
                output(["ssh", "-o", f"ControlPath={socket}", "-O", "exit", "any"])


def version() -> str:
    """What Ansible says it is."""
    printed = subprocess.run([program("ansible"), "--version"], capture_output=True, text=True, check=True).stdout
    return printed.splitlines()[0]
