"""What the program itself reads of the controller's SSH files: host keys to pin, public keys to hand out."""

from __future__ import annotations

from pathlib import Path

import asyncssh

from roles.spec import Address, Port

_PROJECT = Path(__file__).resolve().parent.parent


def host_key(known_hosts: str, address: Address, port: Port, project: Path = _PROJECT) -> str | None:
    """`type key` of the host in the known_hosts file, None when it has none there. Raises OSError and ValueError.

    Of several keys it is always the same one, whatever the order of the lines: Ed25519 first, RSA last (pinned, it
    asks for signatures with SHA-1).
    """
    trusted = asyncssh.read_known_hosts(str(_inside(project, known_hosts)))
    other_port = None if port == 22 else port
    keys, *_ = asyncssh.match_known_hosts(trusted, str(address), str(address), other_port)
    lines = {key.get_algorithm(): key.export_public_key().decode() for key in keys}
    best = min(lines, key=lambda name: (name == "ssh-rsa", name != "ssh-ed25519", name), default=None)
    return None if best is None else " ".join(lines[best].split()[:2])


def public_keys(identity_file: str, project: Path = _PROJECT) -> tuple[str, ...]:
    """The lines of `<identity_file>.pub`. Raises OSError."""
    path = _inside(project, f"{identity_file}.pub")
    return tuple(line.strip() for line in path.read_text().splitlines() if line.strip())


def _inside(project: Path, path: str) -> Path:
    return project / Path(path).expanduser()
