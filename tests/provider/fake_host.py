"""A host made of an SSH server in this process: it speaks the wire of the program on hosts and keeps what it is asked.

It runs no role; a test says what each operation answers. Like the real one it serves only the program that was
installed, takes a request apart before it answers, and undoes an armed change that nobody confirms.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import asyncssh

from provider.values import Plain, as_map


def new_key() -> asyncssh.SSHKey:
    """A fresh key."""
    # asyncssh leaves the type of the options of other algorithms open.
    return asyncssh.generate_private_key("ssh-ed25519")  # pyright: ignore[reportUnknownMemberType]


def exported(key: asyncssh.SSHKey) -> bytes:
    """The private key as ssh-keygen writes it."""
    return key.export_private_key()  # pyright: ignore[reportUnknownMemberType]


Answer = Callable[[dict[str, Plain]], dict[str, Plain]]


def nothing_differs(request: dict[str, Plain]) -> dict[str, Plain]:
    """The answer of a host that is exactly as declared."""
    role = as_map(request.get("role"))
    maps = ("packages", "users", "sysctl", "directories", "files", "artifacts", "units")
    observed: dict[str, Plain] = {name: role.get(name, {}) for name in maps}
    return {"result": {"observed": {**observed, "absent": role.get("absent", [])}, "healthy": True, "failures": []}}


@dataclass
class FakeHost:
    """What the host was asked (`requests`), how often somebody came and got in, and what it answers per operation."""

    home: Path
    key: asyncssh.SSHKey
    user_key: asyncssh.SSHKey
    port: int = 0
    attempts: int = 0
    logins: int = 0
    installed: dict[str, bytes] = field(default_factory=dict[str, bytes])
    requests: list[dict[str, Plain]] = field(default_factory=list[dict[str, Plain]])
    answers: dict[str, Answer] = field(default_factory=dict[str, Answer])
    progress: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    hold: dict[str, asyncio.Event] = field(default_factory=dict[str, asyncio.Event])
    drop_next: set[str] = field(default_factory=set[str])
    open_connections: set[asyncssh.SSHServerConnection] = field(default_factory=set[asyncssh.SSHServerConnection])

    @property
    def operations(self) -> list[str]:
        """The names of the operations it was asked for, in order."""
        return [str(request["op"]) for request in self.requests]

    def connection(self, known_hosts: Path, identity: Path, **changes: Plain) -> dict[str, Plain]:
        """The `connection` property that leads here."""
        return {
            "address": "127.0.0.1",
            "port": self.port,
            "user": "deploy",
            "identity_file": str(identity),
            "known_hosts": str(known_hosts),
            "jump": None,
            "connect_timeout_seconds": 5,
            "operation_timeout_seconds": 20,
            **changes,
        }

    def known_hosts_line(self) -> str:
        """The line of its key for a known_hosts file."""
        return f"[127.0.0.1]:{self.port} {self.key.export_public_key().decode()}"

    def cut_connections(self) -> None:
        """Ends every connection without a word, as a dying network does."""
        for connection in list(self.open_connections):
            connection.abort()

    async def process(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        """What the login shell would do with a command."""
        command = process.command or ""
        if found := re.fullmatch(r"sudo -n python3 -I (/usr/lib/soundstage/[0-9a-f]{16}\.pyz) serve", command):
            await self._serve(process, found[1])
        elif command.startswith("sudo -n sh -c") and "/usr/lib/soundstage" in command:
            content = await process.stdin.read()
            digest = sha256(content).hexdigest()
            assert digest in command, "what arrived is not what the command checks for"
            self.installed[f"/usr/lib/soundstage/{digest[:16]}.pyz"] = content
            process.exit(0)
        else:
            process.stderr.write(b"sh: not found\n")
            process.exit(127)

    async def _serve(self, process: asyncssh.SSHServerProcess[bytes], program: str) -> None:
        if program not in self.installed:
            process.stderr.write(f"/usr/bin/python3: can't open file '{program}': [Errno 2] No such file\n".encode())
            process.exit(2)
            return
        process.stdout.write(b'{"hello": {"program": "x", "python": "3.11.2"}}\n')
        async with asyncio.TaskGroup() as running:
            async for line in process.stdin:
                running.create_task(self._answer(process, as_map(json.loads(line))))

    async def _answer(self, process: asyncssh.SSHServerProcess[bytes], request: dict[str, Plain]) -> None:
        number, operation = request.pop("id"), str(request["op"])
        self.requests.append(request)
        if operation in self.drop_next:
            self.drop_next.discard(operation)
            self.cut_connections()
            return
        for step in self.progress.get(operation, []):
            process.stdout.write(json.dumps({"id": number, "progress": step}).encode() + b"\n")
        if operation in self.hold:
            await self.hold[operation].wait()
        answer = self.answers.get(operation, _defaults[operation])(request)
        process.stdout.write(json.dumps({"id": number, **answer}).encode() + b"\n")


def _applied(request: dict[str, Plain]) -> dict[str, Plain]:
    result = as_map(nothing_differs(request)["result"])
    return {"result": {"observed": result["observed"], "changed": [], "notes": [], "armed": False, "unsettable": {}}}


_defaults: Mapping[str, Answer] = {
    "apply": _applied,
    "observe": nothing_differs,
    "remove": lambda _: {"result": {}},
    "confirm": lambda _: {"result": {}},
    "missing": lambda request: {"result": {"missing": list(as_map(request["artifacts"]))}},
    "facts": lambda _: {"result": {"time": time.time()}},
    "command": lambda _: {"result": {"status": 0, "stdout": "", "stderr": ""}},
    "restart": lambda _: {"result": {}},
    "roles": lambda _: {"result": {"roles": ["haproxy"]}},
}


class _Server(asyncssh.SSHServer):
    def __init__(self, host: FakeHost) -> None:
        self._host = host
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._host.open_connections.add(conn)
        self._host.attempts += 1

    def connection_lost(self, exc: Exception | None) -> None:
        if self._connection is not None:
            self._host.open_connections.discard(self._connection)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == "deploy" and key.public_data == self._host.user_key.public_data

    def auth_completed(self) -> None:
        self._host.logins += 1

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
        return True


@asynccontextmanager
async def fake_host(home: Path, user_key: asyncssh.SSHKey, port: int = 0) -> AsyncGenerator[FakeHost]:
    """A running host; `home`, a directory, is where uploads arrive."""

    def sftp(channel: asyncssh.SSHServerChannel[bytes]) -> asyncssh.SFTPServer:
        return asyncssh.SFTPServer(channel, chroot=str(home).encode())

    host = FakeHost(home, new_key(), user_key)
    server = await asyncssh.listen(
        "127.0.0.1",
        port,
        server_factory=lambda: _Server(host),
        server_host_keys=[host.key],
        process_factory=host.process,
        sftp_factory=sftp,
        encoding=None,
    )
    host.port = server.get_port()
    try:
        yield host
    finally:
        host.cut_connections()
        server.close()
        await server.wait_closed()
