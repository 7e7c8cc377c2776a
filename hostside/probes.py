"""Probes: questions to the service itself, asked until the answer is right or the deadline is over."""

from __future__ import annotations

import http.client
import socket
import ssl
from urllib.parse import urlsplit

from .machine import Machine
from .values import CommandProbe, HttpProbe, Probe, TcpProbe

_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 0.5
_ANSWER_SECONDS = 5.0
_BODY_BYTES = 1 << 20
_SHOWN = 200


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
    try:
        return _http(probe, timeout) if isinstance(probe, HttpProbe) else _tcp(probe, timeout)
    except (OSError, http.client.HTTPException) as error:
        return f"{describe(probe)}: {str(error) or type(error).__name__}"


def _command(machine: Machine, probe: CommandProbe, timeout: float) -> str:
    said = machine.ask(probe.argv, timeout)
    if said.status != 0:
        return f"{describe(probe)}: exit status {said.status}: {said.text[:_SHOWN]}"
    if probe.contains not in said.stdout:
        return f"{describe(probe)}: answered {said.stdout.strip()[:_SHOWN]!r}, wanted is {probe.contains!r} in it"
    return ""


def _tcp(probe: TcpProbe, timeout: float) -> str:
    with socket.create_connection((probe.address, probe.port), timeout):
        return ""


def _http(probe: HttpProbe, timeout: float) -> str:
    parts = urlsplit(probe.url)
    host = parts.hostname or ""
    if parts.scheme == "https":
        context = ssl.create_default_context()
        if host == "127.0.0.1":
            # Nobody can stand between a host and itself, and no certificate names this address.
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, parts.port, timeout=timeout, context=context
        )
    else:
        connection = http.client.HTTPConnection(host, parts.port, timeout=timeout)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", path, headers={"User-Agent": "soundstage-probe", "Connection": "close"})
        answer = connection.getresponse()
        body = answer.read(_BODY_BYTES).decode("utf-8", "replace")
    finally:
        connection.close()
    if answer.status != probe.status:
        shown = body.strip()[:_SHOWN]
        return f"{probe.url}: answered {answer.status} {answer.reason} {shown!r}, wanted is {probe.status}"
    if probe.contains not in body:
        return f"{probe.url}: the answer {body.strip()[:_SHOWN]!r} does not hold {probe.contains!r}"
    return ""
