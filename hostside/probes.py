"""Probes: questions to the service itself, asked until the answer is right or the deadline is over."""

from __future__ import annotations

import socket

from .machine import Machine
from .values import CommandProbe, HttpProbe, Probe, TcpProbe

_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 0.5
_ANSWER_SECONDS = 5.0
SHOWN = 200
"""So much of an answer stands in a message."""


def describe(probe: Probe) -> str:
    """What the probe asks, in a few words."""
    if isinstance(probe, HttpProbe):
        return probe.url
    if isinstance(probe, TcpProbe):
        return f"{probe.address}:{probe.port}"
    return " ".join(probe.argv)


def wait_until(machine: Machine, probe: Probe, within: float | None = None) -> str:
    """Asks until the answer is right, at most the probe's deadline (or `within` seconds): "" or the last answer."""
    deadline = machine.monotonic() + (probe.deadline_seconds if within is None else min(within, probe.deadline_seconds))
    pause = _FIRST_PAUSE_SECONDS
    while True:
        left = deadline - machine.monotonic()
        wrong = answer_once(machine, probe, max(_FIRST_PAUSE_SECONDS, min(_ANSWER_SECONDS, left)))
        if not wrong or machine.monotonic() + pause > deadline:
            return wrong
        machine.wait(pause)
        pause = min(_LONGEST_PAUSE_SECONDS, pause * 2)


def answer_once(machine: Machine, probe: Probe, timeout: float) -> str:
    """Asks once: "" when the answer is right, else what was answered and what is wanted."""
    if isinstance(probe, CommandProbe):
        return _command(machine, probe, timeout)
    if isinstance(probe, HttpProbe):
        # Python's HTTP and TLS take longer to import than most sessions take without them.
        from . import web  # noqa: PLC0415

        return web.answer_once(probe, timeout)
    try:
        with socket.create_connection((probe.address, probe.port), timeout):
            return ""
    except OSError as error:
        return f"{describe(probe)}: {str(error) or type(error).__name__}"


def _command(machine: Machine, probe: CommandProbe, timeout: float) -> str:
    said = machine.ask(probe.argv, timeout)
    if said.status != 0:
        return f"{describe(probe)}: exit status {said.status}: {said.text[:SHOWN]}"
    if probe.contains not in said.stdout:
        return f"{describe(probe)}: answered {said.stdout.strip()[:SHOWN]!r}, wanted is {probe.contains!r} in it"
    return ""
