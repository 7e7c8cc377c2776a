"""The stand-in for Pulumi's plugin `command` against SSH servers of this process, as careful as the official one."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh
import pytest
from pulumi.provider.experimental import provider
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import PropertyDiffKind

from lab.offline import plugins
from lab.offline.command import CommandStandIn
from lab.offline.serve import Refused
from lab.record import Host, Lab, save
from provider.values import Plain, dressed_map

PASSWORD = "tango-whiskey-9"
URN = "urn:pulumi:test::soundstage::soundstage:host:Host$command:remote:Command::app1-first-contact"


@dataclass
class Server(asyncssh.SSHServer):
    """Lets `admin` in by password, or only by answers to questions; keeps what it was asked."""

    key: asyncssh.SSHKey
    asks_questions: bool = False
    port: int = 0
    logins: list[str] = field(default_factory=list[str])
    refused: list[str] = field(default_factory=list[str])
    ran: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return not self.asks_questions

    def validate_password(self, username: str, password: str) -> bool:
        return self._lets_in(username, password)

    def kbdint_auth_supported(self) -> bool:
        return self.asks_questions

    def get_kbdint_challenge(
        self, username: str, lang: str, submethods: str
    ) -> tuple[str, str, str, list[tuple[str, bool]]]:
        return "", "", "", [("Secret word, please: ", False)]

    def validate_kbdint_response(self, username: str, responses: Sequence[str]) -> bool:
        return self._lets_in(username, responses[0])

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
        return True

    async def process(self, process: asyncssh.SSHServerProcess[str]) -> None:
        """Prints its input in capitals; the command `exit 3` ends with 3."""
        stdin = await process.stdin.read()
        self.ran.append((process.command or "", stdin))
        process.stdout.write(stdin.upper())
        process.stderr.write("a word of warning\n")
        process.exit(3 if process.command == "exit 3" else 0)

    def _lets_in(self, username: str, password: str) -> bool:
        good = (username, password) == ("admin", PASSWORD)
        (self.logins if good else self.refused).append(username)
        return good


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with asyncssh_server() as (made, _):
        yield made


def asyncssh_server() -> _Listening:
    key = asyncssh.generate_private_key("ssh-ed25519")  # pyright: ignore[reportUnknownMemberType] open options
    return _Listening(Server(key))


class _Listening:
    """A listening server; leaving ends it."""

    def __init__(self, server: Server) -> None:
        self.server = server

    async def __aenter__(self) -> tuple[Server, _Listening]:
        self._acceptor = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=lambda: self.server,
            server_host_keys=[self.server.key],
            process_factory=self.server.process,
        )
        self.server.port = self._acceptor.get_port()
        return self.server, self

    async def __aexit__(self, *_: object) -> None:
        self._acceptor.close()
        await self._acceptor.wait_closed()


@pytest.fixture
def stand_in(tmp_path: Path) -> CommandStandIn:
    """The stand-in of a lab in the network of this machine's own addresses."""
    save(Lab(tmp_path, "127.0.0.0/24", (Host("app1", 1),)))
    return CommandStandIn(tmp_path)


def connection(server: Server, **changes: Plain) -> dict[str, Plain]:
    key = server.key.export_public_key().decode().strip()
    given: dict[str, Plain] = {"host": "127.0.0.1", "port": server.port, "user": "admin", "password": PASSWORD}
    return {**given, "hostKey": key, "dialErrorLimit": 1, "perDialTimeout": 5, **changes}


def inputs(server: Server, **changes: Plain) -> dict[str, PropertyValue]:
    given: dict[str, Plain] = {"connection": connection(server), "create": "sh -s", "stdin": "hello\n"}
    return dressed_map({**given, "logging": "none", **changes})


def creation(given: dict[str, PropertyValue], *, preview: bool = False) -> provider.CreateRequest:
    return provider.CreateRequest(URN, given, 0, preview)


def difference(old: dict[str, PropertyValue], new: dict[str, PropertyValue]) -> provider.DiffRequest:
    return provider.DiffRequest(URN, "app1-first-contact", old, new, [])


async def refusals(stand_in: CommandStandIn, given: dict[str, PropertyValue], urn: str = URN) -> list[str]:
    answer = await stand_in.check(provider.CheckRequest(urn, {}, given, b""))
    return [failure.reason for failure in answer.failures or []]


@pytest.mark.parametrize("asks_questions", [False, True], ids=["password", "keyboard-interactive"])
async def test_the_command_gets_its_input_and_its_output_comes_back(
    stand_in: CommandStandIn, server: Server, *, asks_questions: bool
) -> None:
    server.asks_questions = asks_questions
    made = (await stand_in.create(creation(inputs(server)))).properties
    assert server.ran == [("sh -s", "hello\n")]
    assert (made["stdout"].value, made["stderr"].value) == ("HELLO", "a word of warning")
    assert (server.logins, server.refused) == (["admin"], [])


async def test_a_preview_reaches_no_host(stand_in: CommandStandIn, server: Server) -> None:
    await stand_in.create(creation(inputs(server), preview=True))
    assert server.logins == []


async def test_another_host_key_is_refused_before_the_password_is_sent(
    stand_in: CommandStandIn, server: Server
) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519")  # pyright: ignore[reportUnknownMemberType] open options
    given = connection(server, hostKey=other.export_public_key().decode().strip())
    with pytest.raises(Refused, match=r"127\.0\.0\.1: after 2 failed attempts: Host key is not trusted"):
        await stand_in.create(creation(inputs(server, connection=given)))
    assert (server.logins, server.refused, server.ran) == ([], [], [])


async def test_a_wrong_password_is_tried_as_often_as_dials_are_allowed_and_never_shown(
    stand_in: CommandStandIn, server: Server
) -> None:
    given = connection(server, password="wrong-password", dialErrorLimit=2)
    with pytest.raises(Refused, match="after 3 failed attempts: Permission denied") as refused:
        await stand_in.create(creation(inputs(server, connection=given)))
    assert server.refused == ["admin"] * 3
    assert "wrong-password" not in str(refused.value)


async def test_a_command_that_fails_is_shown_with_its_output(stand_in: CommandStandIn, server: Server) -> None:
    with pytest.raises(Refused) as refused:
        await stand_in.create(creation(inputs(server, create="exit 3")))
    assert str(refused.value) == "Process exited with status 3: running 'exit 3':\nHELLO\na word of warning\n"


async def test_a_host_behind_a_bastion_is_reached_through_it(stand_in: CommandStandIn, server: Server) -> None:
    async with asyncssh_server() as (bastion, _):
        given = connection(server, proxy=connection(bastion))
        await stand_in.create(creation(inputs(server, connection=given)))
        assert (bastion.logins, bastion.ran) == (["admin"], [])
    assert server.ran == [("sh -s", "hello\n")]


async def test_a_host_that_is_off_is_told_within_its_dials(stand_in: CommandStandIn, server: Server) -> None:
    async with asyncssh_server() as (gone, _):
        given = connection(gone)
    begin = time.monotonic()
    with pytest.raises(Refused, match=r"after 2 failed attempts: .*Connect call failed"):
        await stand_in.create(creation(inputs(server, connection=given)))
    assert time.monotonic() - begin < 5


async def test_a_host_outside_the_lab_is_not_reached(stand_in: CommandStandIn, server: Server) -> None:
    given = connection(server, host="192.0.2.1")
    with pytest.raises(Refused, match=r"192\.0\.2\.1 is no host of the lab .* pulumi plugin install resource command"):
        await stand_in.create(creation(inputs(server, connection=given)))


async def test_what_it_does_not_implement_is_refused(stand_in: CommandStandIn, server: Server) -> None:
    given = connection(server, privateKey="-----BEGIN", hostKey="")
    wrong = inputs(server, environment={"A": "1"}, delete="true", update="true", connection=given, logging="stdout")
    assert await refusals(stand_in, wrong) == [
        "delete is not implemented by this stand-in",
        "environment is not implemented by this stand-in",
        "update is not implemented by this stand-in",
        "logging must be none with this stand-in",
        "connection.privateKey is not implemented by this stand-in",
        "connection.hostKey is missing: the official plugin would trust anybody",
    ]
    assert await refusals(stand_in, inputs(server)) == []
    local = URN.replace("remote", "local")
    assert await refusals(stand_in, {}, local) == [
        "soundstage:host:Host$command:local:Command is not implemented by this stand-in, only command:remote:Command is"
    ]


async def test_any_other_input_is_an_update_and_another_trigger_a_replacement(
    stand_in: CommandStandIn, server: Server
) -> None:
    old = inputs(server, triggers=["one"])
    assert not (await stand_in.diff(difference({**old, "stdout": PropertyValue("HELLO")}, old))).changes
    changed = await stand_in.diff(difference(old, inputs(server, triggers=["one"], create="sh")))
    assert (changed.diffs, changed.replaces) == (["create"], [])
    replaced = await stand_in.diff(difference(old, inputs(server, triggers=["two"])))
    assert replaced.replaces == ["triggers"]
    assert replaced.detailed_diff["triggers"].kind == PropertyDiffKind.UPDATE_REPLACE
    with pytest.raises(Refused, match="this stand-in updates nothing"):
        await stand_in.update(provider.UpdateRequest(URN, "x", old, old, 0, [], preview=False))


def test_it_is_laid_into_the_lab_and_taken_away_with_it(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "lab")
    plugins.lay(lab)
    (folder,) = (lab.directory / "pulumi" / "plugins").iterdir()
    assert folder.name == f"resource-command-v{plugins.version()}"
    launcher = (folder / "pulumi-resource-command").read_text()
    assert f"-m lab.offline.command --lab {lab.directory} " in launcher
    plugins.lay(lab)
    plugins.take_away(lab)
    assert list(lab.directory.iterdir()) == []


def test_an_official_plugin_is_left_alone(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    folder = tmp_path / "pulumi" / "plugins" / f"resource-command-v{plugins.version()}"
    folder.mkdir(parents=True)
    (folder / "pulumi-resource-command").write_text("official")
    plugins.lay(lab)
    plugins.take_away(lab)
    assert json.dumps([path.name for path in folder.iterdir()]) == '["pulumi-resource-command"]'
    assert (folder / "pulumi-resource-command").read_text() == "official"
