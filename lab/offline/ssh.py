"""One command over one SSH connection, as Pulumi's plugin `command` runs it: pinned key, password first, few dials."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass

import asyncssh

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS, _GROWTH = 0.1, 5.0, 1.5
"""Between two dials, as in the official plugin."""


class NotDone(Exception):
    """The command did not run or did not end well; the text says why."""


@dataclass(frozen=True)
class Endpoint:
    """A server, and how to get in. `host_key` is one line of an authorized_keys file; nothing else is trusted."""

    host: str
    port: int
    user: str
    password: str
    host_key: str
    dials: int
    timeout_seconds: float
    proxy: Endpoint | None = None


@dataclass(frozen=True)
class Output:
    """What a command printed that ended with 0, without the last line ends."""

    stdout: str
    stderr: str


async def run(endpoint: Endpoint, command: str, stdin: str) -> Output:
    """Runs `command` there with `stdin`. Raises NotDone, with everything it printed."""
    proxy = await _dialled(endpoint.proxy, None) if endpoint.proxy else None
    try:
        connection = await _dialled(endpoint, proxy)
        try:
            done = await connection.run(command, input=stdin, encoding="utf-8", errors="replace")
        finally:
            connection.abort()
    finally:
        if proxy is not None:
            proxy.abort()
    stdout, stderr = str(done.stdout or ""), str(done.stderr or "")
    if done.exit_status != 0:
        # The official plugin shows command and output in its error: what is secret must be in neither.
        raise NotDone(f"Process exited with status {done.returncode}: running {command!r}:\n{stdout}{stderr}")
    return Output(stdout.removesuffix("\n"), stderr.removesuffix("\n"))


async def _dialled(endpoint: Endpoint, proxy: asyncssh.SSHClientConnection | None) -> asyncssh.SSHClientConnection:
    pause = _FIRST_PAUSE_SECONDS
    for dial in range(1, endpoint.dials + 1):
        try:
            return await _dial(endpoint, proxy)
        except (OSError, asyncssh.Error, TimeoutError) as error:
            if dial == endpoint.dials:
                reason = str(error) or type(error).__name__
                raise NotDone(f"{endpoint.host}: after {dial} failed attempts: {reason}") from None
        await asyncio.sleep(pause)
        pause = min(pause * _GROWTH, _LONGEST_PAUSE_SECONDS)
    raise NotDone(f"{endpoint.host}: no attempt allowed")


async def _dial(endpoint: Endpoint, proxy: asyncssh.SSHClientConnection | None) -> asyncssh.SSHClientConnection:
    agent = os.environ.get("SSH_AUTH_SOCK") or None
    async with asyncio.timeout(endpoint.timeout_seconds):
        return await asyncssh.connect(
            endpoint.host,
            endpoint.port,
            tunnel=proxy or (),
            username=endpoint.user,
            password=endpoint.password or None,
            client_factory=lambda: _Answers(endpoint.password),
            client_keys=() if agent else None,
            agent_path=agent,
            preferred_auth=("password", "keyboard-interactive", "publickey"),
            known_hosts=([asyncssh.import_public_key(endpoint.host_key)], [], []),
            config=None,
        )


class _Answers(asyncssh.SSHClient):
    """Answers every question of keyboard-interactive with the password, once."""

    def __init__(self, password: str) -> None:
        self._password = password
        self._asked = False

    def kbdint_auth_requested(self) -> str | None:
        """The list of ways in; None when there is nothing to answer with."""
        if self._asked or not self._password:
            return None
        self._asked = True
        return ""

    def kbdint_challenge_received(
        self,
        name: str,  # noqa: ARG002 - whatever is asked, there is one answer
        instructions: str,  # noqa: ARG002
        lang: str,  # noqa: ARG002
        prompts: Sequence[tuple[str, bool]],
    ) -> list[str] | None:
        """The answers."""
        return [self._password for _ in prompts]
