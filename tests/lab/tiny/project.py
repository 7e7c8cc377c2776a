"""A Pulumi project of its own around the tiny program, on the hosts of a test's lab."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.lab.conftest import LabCommand
from toolchain.cache import PROJECT
from toolchain.environment import activated_path

UNIT = """[Service]
ExecStart=/usr/bin/python3 -m http.server --directory /srv/page --bind 127.0.0.1 8080
ExecReload=/bin/true
[Install]
WantedBy=multi-user.target
"""
CONNECT_SECONDS = 4


@dataclass
class Project:
    """A Pulumi project with a state of its own in `folder`; `world` is what it declares."""

    folder: Path
    lab: LabCommand

    def declare(
        self,
        page: str = "hello",
        checks: list[list[str]] | None = None,
        more: Sequence[Mapping[str, object]] = (),
    ) -> None:
        """Writes the world: on each host the page, a file with the password, and `more` roles."""
        hosts = {
            name: self._host(status["address"], page, checks or [], more) for name, status in self.lab.hosts().items()
        }
        (self.folder / "world.json").write_text(json.dumps(hosts), encoding="utf-8")

    def _host(
        self, address: str, page: str, checks: list[list[str]], more: Sequence[Mapping[str, object]]
    ) -> dict[str, object]:
        files = {
            "/etc/systemd/system/page.service": {"content": UNIT, "on_change": {"page.service": "restart"}},
            "/srv/page/index.html": {
                "content": page + "\n",
                "mode": "0644",
                "on_change": {"page.service": "reload"},
            },
        }
        probe = {"kind": "http", "url": "http://127.0.0.1:8080/", "unit": "page.service"}
        secret = {"content": "password PASSWORD\n", "mode": "0600"}
        return {
            "connection": {
                "address": address,
                "port": 22,
                "user": "deploy",
                "identity_file": str(self.lab.directory / "id_ed25519"),
                "known_hosts": "known_hosts",
                "jump": None,
                "connect_timeout_seconds": CONNECT_SECONDS,
                "operation_timeout_seconds": 60,
            },
            "roles": [
                {"name": "secret", "files": {"/etc/page-secret": secret}},
                {
                    "name": "page",
                    "files": files,
                    "units": {"page.service": {"enabled": True, "running": True, "reload_effect": "nobody notices"}},
                    "validate_with": [{"argv": argv} for argv in checks],
                    "verify": [probe],
                },
                *more,
            ],
        }

    def environment(self) -> dict[str, str]:
        """What `.lab/activate` sets, with a state and a home of this project."""
        return {
            "PATH": activated_path(),
            "PYTHONPATH": str(PROJECT),
            "HOME": str(self.folder),
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_BACKEND_URL": (self.folder / "state").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_CONTINUE_ON_ERROR": "true",
        }

    def pulumi(self, *arguments: str, expect: int = 0) -> str:
        """Runs a command that must end with `expect`; everything it printed."""
        done = subprocess.run(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == expect, f"pulumi {arguments} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Starts a command; its output is read by nobody."""
        return subprocess.Popen(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def page(self, host: str) -> str:
        """The page as the host serves it."""
        read = "import urllib.request as ask; print(ask.urlopen('http://127.0.0.1:8080/').read().decode())"
        return self.lab.on(host, "python3", "-c", read)

    def started(self, host: str) -> str:
        """When the page's process was started: another text after a restart."""
        return self.lab.on(host, "systemctl", "show", "-P", "ExecMainStartTimestampMonotonic", "page.service")


@contextmanager
def off(project: Project, host: str) -> Generator[None]:
    """The host without power, and on again afterwards."""
    project.lab.run("kill", host)
    try:
        yield
    finally:
        project.lab.run("start", host)


def eventually(true: Callable[[], bool], seconds: float, what: str) -> None:
    """Asks until the answer is true. Raises AssertionError naming `what` when the time is over."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"


def errors(said: str) -> list[str]:
    """The error lines of the closing diagnostics, each once, without the engine's own summary."""
    closing = said[said.rfind("Diagnostics:") :]
    found = {line.strip() for line in closing.splitlines() if line.strip().startswith("error:")}
    return sorted(found - {"error: update failed", "error: preview failed"})


def controllers(project: Project) -> list[int]:
    """The processes that still run for this project on the controller: engine, language host, program, plugin."""
    found: list[int] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == project.folder:
                found.append(int(process.name))
        except OSError:
            continue
    return found
