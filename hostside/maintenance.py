"""The maintenance switch: takes a server out of the HAProxy of this host, and keeps it out over its restarts."""

from __future__ import annotations

import csv
import socket
from typing import TextIO

from .failure import Failure
from .machine import Machine

SOCKET = "/run/haproxy/admin.sock"
SAVE_STATE = "/usr/local/sbin/haproxy-server-state"
_ANSWER_SECONDS = 5.0
_CHUNK = 1 << 16


def switch(machine: Machine, out: TextIO, mode: str, server: str) -> int:
    """Runs `maintenance on|off|show [BACKEND/SERVER]`; returns the exit status. Raises Failure."""
    servers = _servers(machine)
    if mode == "show":
        for name, state in sorted(servers.items()):
            if server in ("", name):
                out.write(f"{name:<32} {state}\n")
        return 0 if server in ("", *servers) else 1
    names = [name for name in servers if server in (name, name.split("/", 1)[1])]
    if len(names) != 1:
        known = ", ".join(sorted(servers))
        raise Failure("maintenance", f"{server or 'no server'} is not one server of this HAProxy; there are {known}")
    answer = _ask(machine, f"set server {names[0]} state {'maint' if mode == 'on' else 'ready'}")
    if answer.strip():
        raise Failure("maintenance", answer.strip())
    _save(machine)
    out.write(f"{names[0]} {_servers(machine)[names[0]]}; switch the other balancer too\n")
    return 0


def _servers(machine: Machine) -> dict[str, str]:
    """Server state (UP, DOWN, MAINT, DRAIN, …) by backend/server."""
    rows = csv.DictReader(_ask(machine, "show stat").lstrip("# ").splitlines())
    return {
        f"{row['pxname']}/{row['svname']}": row["status"]
        for row in rows
        if row["svname"] not in ("FRONTEND", "BACKEND")
    }


def _save(machine: Machine) -> None:
    """Lets the balancer's role save the state now, so that the switch outlives a power cut too. Raises Failure."""
    if machine.lstat(SAVE_STATE) is not None:
        said = machine.run([SAVE_STATE])
        if said.status != 0:
            raise Failure("maintenance", f"switched, but not saved: {said.text}")


def _ask(machine: Machine, command: str) -> str:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
            channel.settimeout(_ANSWER_SECONDS)
            channel.connect(machine.at(SOCKET))
            channel.sendall(f"{command}\n".encode())
            answer = b""
            while chunk := channel.recv(_CHUNK):
                answer += chunk
            return answer.decode("utf-8", "replace")
    except OSError as error:
        raise Failure("maintenance", f"no HAProxy answers on {SOCKET}: {error.strerror or error}") from error
