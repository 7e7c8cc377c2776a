"""Tells systemd how far the service is (`Type=notify`), with nothing but a datagram."""

from __future__ import annotations

import os
import socket


def notify(state: str) -> None:
    """Sends `state` (for example `READY=1`) to the service manager; without one there is nobody to tell."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.connect("\0" + address[1:] if address.startswith("@") else address)
        channel.sendall(state.encode())
