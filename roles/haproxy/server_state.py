#!/usr/bin/python3 -I
"""Saves what HAProxy knows about its servers, so that maintenance and health outlive a reload and a restart.

Runs on the host before every start, reload and stop, and after every maintenance switch. A reload goes on with all
that is known. A start keeps only what people decided: which servers were up may be days old by then. HAProxy would
also take the port of a server from the saved state, not from its configuration; so the configured one is saved.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

SOCKET = "/run/haproxy/admin.sock"
CONFIG = Path("/etc/haproxy/haproxy.cfg")
FILE = Path("/var/lib/haproxy-state/servers")
# Columns of version 1 of the state.
BACKEND, SERVER, ADMIN_STATE, WEIGHT, CONFIGURED_WEIGHT, PORT = 1, 3, 6, 7, 8, 18

Ports = dict[tuple[str, str], str]


def running_state() -> str:
    """The answer to `show servers state`, empty when HAProxy does not run."""
    parts: list[bytes] = []
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(SOCKET)
            connection.sendall(b"show servers state\n")
            while part := connection.recv(65536):
                parts.append(part)
    except (FileNotFoundError, ConnectionRefusedError):
        return ""
    return b"".join(parts).decode()


def decided_state() -> str:
    """Of the state of last time: the servers in maintenance or with another weight. Empty when there is none."""
    if not FILE.exists():
        return ""
    return "".join(line for line in FILE.read_text().splitlines(keepends=True) if _is_decided(line.split(" ")))


def _is_decided(columns: list[str]) -> bool:
    if len(columns) <= PORT or columns[0] == "#":
        return True
    return columns[ADMIN_STATE] != "0" or columns[WEIGHT] != columns[CONFIGURED_WEIGHT]


def configured_ports(config: str) -> Ports:
    """(backend, server) → port."""
    ports: Ports = {}
    section = ""
    for words in map(str.split, config.splitlines()):
        if words[:1] == ["backend"]:
            section = words[1]
        elif words[:1] == ["server"]:
            ports[section, words[1]] = words[2].rpartition(":")[2]
    return ports


def with_ports(state: str, ports: Ports) -> str:
    """The state with every server's port as configured."""
    lines = [line.split(" ") for line in state.splitlines()]
    for columns in lines:
        if len(columns) > PORT and columns[0] != "#":
            columns[PORT] = ports.get((columns[BACKEND], columns[SERVER]), columns[PORT])
    return "".join(" ".join(columns) + "\n" for columns in lines)


def save(content: str) -> None:
    """Replaces the file in one step; a reader sees the old state or the new one. HAProxy may read what root saved."""
    fresh = FILE.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with fresh.open("w") as file:
        file.write(content)
        file.flush()
        os.fchmod(file.fileno(), 0o644)
        os.fsync(file.fileno())
    os.replace(fresh, FILE)


def main() -> int:
    """Returns 0 when the state is saved, or when there is none yet."""
    state = running_state() or decided_state()
    if not state:
        return 0
    if not state.startswith("1\n"):
        print(f"haproxy-server-state: expected a state of version 1, not {state[:80]!r}", file=sys.stderr)
        return 1
    save(with_ports(state, configured_ports(CONFIG.read_text())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
