"""Asking the probes of a role, and the one repair a host does by itself."""

from __future__ import annotations

from collections.abc import Collection

from . import units
from .failure import Failure
from .machine import Machine
from .probes import wait_until
from .store import Progress
from .values import Role


def verify(machine: Machine, role: Role, idle: Collection[str], progress: Progress) -> None:
    """Asks every probe until it is right. Raises Failure with the answer and the unit's last journal lines.

    The probes of `idle` units are left out: this host does not meet their start condition, and that is told apart.
    """
    probes = [probe for probe in role.verify if probe.unit not in idle]
    if probes:
        progress("verifying")
    for probe in probes:
        wrong = wait_until(machine, probe)
        if wrong:
            raise Failure("verify", f"probe {wrong}", units.journal(machine, probe.unit))


def verify_or_repair(
    machine: Machine, role: Role, idle: Collection[str], progress: Progress, notes: list[str]
) -> list[str]:
    """Verifies; the unit behind a probe that does not answer is restarted once. What was changed. Raises Failure."""
    repaired: list[str] = []
    sole = next(iter(role.units)) if len(role.units) == 1 else None
    for probe in role.verify:
        wrong = "" if probe.unit in idle else wait_until(machine, probe)
        unit = probe.unit or sole
        if wrong and unit is None:
            raise Failure("verify", f"probe {wrong}")
        if wrong and unit is not None and f"unit {unit}" not in repaired:
            progress(f"restarting {unit}: {wrong}")
            notes.append(f"restarted {unit}: {wrong}")
            units.command(machine, "restart", [unit])
            repaired.append(f"unit {unit}")
    if repaired:
        verify(machine, role, idle, progress)
    return repaired
