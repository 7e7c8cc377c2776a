"""S1: the SSH server of every host against the published policy for its system."""

from __future__ import annotations

import subprocess

from bench.context import Bench
from bench.result import Result

POLICY = "Hardened Debian 12 (version 3)"
_SECONDS = 120


def measure(bench: Bench) -> Result:
    """Asks every host of the stack."""
    platform = bench.platform
    failing: dict[str, str] = {}
    for host in platform.hosts.names:
        done = subprocess.run(
            ["ssh-audit", "--policy", POLICY, platform.hosts.address(host)],
            env=platform.stack.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
        if done.returncode != 0 or "Passed" not in done.stdout:
            failing[host] = " ".join((done.stdout + done.stderr).split())[-300:]
    return Result(
        id="S1",
        title=f"hosts that fail ssh-audit's policy {POLICY!r}",
        unit="hosts",
        value=len(failing),
        goal="0",
        met=not failing,
        trials=tuple(float(host in failing) for host in platform.hosts.names),
        notes=tuple(f"{host}: {text}" for host, text in failing.items()),
    )
