"""SSH connections: one per host for the whole run, to hosts whose key is known, never to another."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from provider.errors import NotLetIn, Unreachable
from provider.values import Plain, as_map, as_number, as_text

KEEPALIVE_SECONDS = 5
"""After three unanswered ones the connection counts as lost."""

REFUSAL_SECONDS = 2
"""How long a refused user stays refused without being asked again: a first contact may make it in the same run."""


@dataclass(frozen=True)
class Jump:
    """A bastion on the way to a host; its key is in the same known_hosts file."""

    address: str
    port: int
    user: str


@dataclass(frozen=True)
class Target:
    """One host and how to get in. Files are absolute; `identity_file` None means keys from the agent only."""

    host: str
    address: str
    port: int
    user: str
    identity_file: Path | None
    known_hosts: Path
    jump: Jump | None
    connect_timeout_seconds: float
    operation_timeout_seconds: float

    @property
    def endpoint(self) -> tuple[str, int, str, Jump | None]:
        """What makes two targets the same connection."""
        return self.address, self.port, self.user, self.jump

    def through(self, jump: Jump) -> Target:
        """The bastion itself as a target."""
        return Target(
            f"{self.host}'s jump host",
            jump.address,
            jump.port,
            jump.user,
            self.identity_file,
            self.known_hosts,
            None,
            self.connect_timeout_seconds,
            self.operation_timeout_seconds,
        )


def target_of(host: str, connection: Plain, project: Path) -> Target:
    """The target in a `connection` property; relative paths are relative to the project."""
    given = as_map(connection)
    identity, jump = as_text(given.get("identity_file")), as_map(given.get("jump"))
    return Target(
        host=host,
        address=as_text(given.get("address")),
        port=int(as_number(given.get("port"), 22)),
        user=as_text(given.get("user")),
        identity_file=project / Path(identity).expanduser() if identity else None,
        known_hosts=project / Path(as_text(given.get("known_hosts"))).expanduser(),
        jump=Jump(as_text(jump.get("address")), int(as_number(jump.get("port"), 22)), as_text(jump.get("user")))
        if jump
        else None,
        connect_timeout_seconds=as_number(given.get("connect_timeout_seconds"), 10),
        operation_timeout_seconds=as_number(given.get("operation_timeout_seconds"), 900),
    )


class Pool:
    """One connection per endpoint. A dial that failed is remembered: what else needs that host fails at once.

    A host that lets the user in by now does not stay lost: only silence is remembered for the whole run.
    """

    def __init__(self) -> None:
        self._dials: dict[object, asyncio.Task[asyncssh.SSHClientConnection]] = {}
        self._agent: asyncssh.SSHAgentClient | None = None

    async def connection(self, target: Target) -> asyncssh.SSHClientConnection:
        """The open connection to the target, dialled when there is none. Raises Unreachable."""
        dial = self._dials.get(target.endpoint)
        if dial is None or _ended(dial):
            dial = self._dials[target.endpoint] = asyncio.create_task(self.fresh(target))
        return await asyncio.shield(dial)

    async def fresh(self, target: Target) -> asyncssh.SSHClientConnection:
        """A new connection that is not shared; the caller closes it. Raises Unreachable."""
        tunnel = await self.connection(target.through(target.jump)) if target.jump else None
        trusted = _trusted_keys(target)
        started = time.monotonic()
        try:
            async with asyncio.timeout(target.connect_timeout_seconds):
                return await asyncssh.connect(
                    target.address,
                    target.port,
                    tunnel=tunnel or (),
                    username=target.user,
                    client_keys=await self._keys(target),
                    agent_path=None,
                    known_hosts=trusted,
                    keepalive_interval=KEEPALIVE_SECONDS,
                    keepalive_count_max=3,
                    password=None,
                    preferred_auth=("publickey",),
                    config=None,
                )
        except (asyncssh.HostKeyNotVerifiable, asyncssh.KeyExchangeFailed) as error:
            raise Unreachable(_changed_key(target, str(error))) from None
        except asyncssh.PermissionDenied as error:
            now = time.monotonic()
            raise NotLetIn(_reason(target, error, now - started), now) from None
        except (OSError, asyncssh.Error, TimeoutError) as error:
            raise Unreachable(_reason(target, error, time.monotonic() - started)) from None

    async def close(self) -> None:
        """Closes every connection; what runs on the hosts goes on there."""
        for dial in self._dials.values():
            if not dial.done():
                dial.cancel()
            elif not dial.cancelled() and dial.exception() is None:
                dial.result().abort()
        self._dials.clear()
        if self._agent is not None:
            self._agent.close()

    async def _keys(self, target: Target) -> list[asyncssh.SSHKeyPair]:
        if target.identity_file is None:
            return await self._agent_keys()
        try:
            return list(asyncssh.load_keypairs([str(target.identity_file)]))
        except asyncssh.KeyEncryptionError:
            return await self._agent_keys()
        except asyncssh.KeyImportError as error:
            raise Unreachable(f"identity_file {target.identity_file} is no private key: {error}") from None
        except OSError as error:
            raise Unreachable(f"identity_file {target.identity_file} cannot be read: {error.strerror}") from None

    async def _agent_keys(self) -> list[asyncssh.SSHKeyPair]:
        socket = os.environ.get("SSH_AUTH_SOCK", "")
        if not socket:
            raise Unreachable(
                "the key is to come from an ssh agent, and none runs (SSH_AUTH_SOCK is empty): start one and"
                " ssh-add the key, or set identity_file to a key without passphrase"
            )
        try:
            # It stays open: the agent signs, the keys never leave it.
            self._agent = self._agent or await asyncssh.connect_agent(socket)
            keys: list[asyncssh.SSHKeyPair] = list(await self._agent.get_keys())
        except (OSError, ValueError) as error:
            raise Unreachable(f"the ssh agent at {socket} does not answer: {error}") from None
        if not keys:
            raise Unreachable("the ssh agent holds no key: ssh-add one, or set identity_file")
        return keys


def _ended(dial: asyncio.Task[asyncssh.SSHClientConnection]) -> bool:
    if not dial.done() or dial.cancelled():
        return dial.done()
    error = dial.exception()
    if isinstance(error, NotLetIn):
        return time.monotonic() - error.at > REFUSAL_SECONDS
    return error is None and dial.result().is_closed()


def _trusted_keys(target: Target) -> asyncssh.SSHKnownHosts:
    """The known_hosts file, once it holds a key of the target."""
    try:
        trusted = asyncssh.read_known_hosts(str(target.known_hosts))
    except (OSError, ValueError) as error:
        raise Unreachable(f"{_name(target)}: known_hosts file {target.known_hosts} cannot be read: {error}") from None
    port = target.port if target.port != 22 else None
    keys, authorities, *_ = asyncssh.match_known_hosts(trusted, target.address, target.address, port)
    if not keys and not authorities:
        raise Unreachable(
            f"{_name(target)}: its host key is unknown: {target.known_hosts} has no line for {_entry(target)}. Compare"
            f" the key on the host's console (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then add it there"
            f" (ssh-keyscan{_port_option(target)} -t ed25519 {target.address})."
        )
    return trusted


def _changed_key(target: Target, detail: str) -> str:
    return (
        f"{_name(target)}: its host key is not the one in {target.known_hosts}: either the host was installed anew, or"
        f" somebody else answers at this address; nothing was sent. If it was installed anew, compare its key on its"
        f" console, then ssh-keygen -R '{_entry(target)}' -f {target.known_hosts} and add the new one ({detail})."
    )


def _reason(target: Target, error: Exception, seconds: float) -> str:
    if isinstance(error, asyncssh.PermissionDenied):
        key = f"the key {target.identity_file}" if target.identity_file else "any key of the ssh agent"
        return f"{_name(target)}: does not let {target.user} in with {key}."
    if isinstance(error, TimeoutError):
        return f"{_name(target)}: cannot be reached: no answer within {target.connect_timeout_seconds:g} s."
    if isinstance(error, OSError) and error.errno:
        return f"{_name(target)}: cannot be reached: {os.strerror(error.errno)} (after {seconds:.1f} s)."
    return f"{_name(target)}: cannot be reached: {error} (after {seconds:.1f} s)."


def _entry(target: Target) -> str:
    return target.address if target.port == 22 else f"[{target.address}]:{target.port}"


def _port_option(target: Target) -> str:
    return "" if target.port == 22 else f" -p {target.port}"


def _name(target: Target) -> str:
    return f"{target.host} ({_entry(target)})"
