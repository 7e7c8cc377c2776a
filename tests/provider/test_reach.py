"""How a host is reached, or is not: keys, bastions, lost connections, dead hosts, Ctrl-C."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from pathlib import Path

import asyncssh
import grpc.aio
import pytest
from google.protobuf import empty_pb2
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import engine_pb2

from provider.values import Plain, plain_map
from tests.provider.fake_host import FakeHost, fake_host, new_key
from tests.provider.harness import ROLE, Plugin, message_of, message_of_the_roster, role_inputs
from tests.provider.roles import haproxy

ERROR = engine_pb2.ERROR


async def test_removing_a_role_asks_the_host_at_its_newest_address(
    plugin: Plugin, host: FakeHost, tmp_path: Path
) -> None:
    inputs = role_inputs(host, tmp_path, haproxy())
    stale = role_inputs(host, tmp_path, haproxy(), port=1)
    await plugin.delete(ROLE, stale, inputs)
    assert host.requests == [{"op": "remove", "role": "haproxy"}]


async def test_a_lost_connection_leaves_the_role_in_the_state_to_be_tried_again(
    plugin: Plugin, host: FakeHost, tmp_path: Path
) -> None:
    host.drop_next.add("apply")
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await plugin.create(ROLE, role_inputs(host, tmp_path, haproxy()))
    assert "edge1 haproxy: edge1: the connection was lost" in (failed.value.details() or "")
    assert "ErrorResourceInitFailed" in str(failed.value.trailing_metadata())


async def test_a_lost_connection_while_reading_is_opened_again(plugin: Plugin, host: FakeHost, tmp_path: Path) -> None:
    inputs = role_inputs(host, tmp_path, haproxy())
    state = await plugin.create(ROLE, inputs)
    host.drop_next.add("observe")
    assert await plugin.read(ROLE, state, inputs) == PropertyValue.marshal_map(state)
    assert host.logins == 2


async def test_an_answer_that_does_not_come_is_given_up_at_the_operation_deadline(
    plugin: Plugin, host: FakeHost, tmp_path: Path
) -> None:
    host.hold["apply"] = asyncio.Event()
    inputs = role_inputs(host, tmp_path, haproxy(), operation_timeout_seconds=0.5)
    message = await message_of(plugin.create(ROLE, inputs))
    assert "no answer to apply within 0.5 s; it goes on there and ends by itself" in message


async def test_cancel_starts_nothing_new_and_lets_a_running_change_finish(
    plugin: Plugin, host: FakeHost, tmp_path: Path
) -> None:
    host.hold["apply"] = asyncio.Event()
    running = asyncio.ensure_future(plugin.create(ROLE, role_inputs(host, tmp_path, haproxy())))
    await until(lambda: host.operations == ["apply"])
    await plugin.stub.Cancel(empty_pb2.Empty())
    message = await message_of(plugin.create(ROLE, role_inputs(host, tmp_path, haproxy(name="other"))))
    assert "cancelled" in message
    host.hold["apply"].set()
    assert plain_map(await running)["reachable"] is True
    assert host.operations == ["apply"]


async def test_a_dead_host_costs_one_deadline_for_all_its_roles(
    plugin: Plugin, tmp_path: Path, user_key: asyncssh.SSHKey
) -> None:
    # Connections are accepted by the kernel alone: nobody ever says a word, as with a frozen host.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        dead = FakeHost(tmp_path, new_key(), user_key, port=port)
        (tmp_path / "known_hosts").write_text(dead.known_hosts_line(), encoding="utf-8")
        inputs = [
            role_inputs(dead, tmp_path, haproxy(name=f"role-{number}"), connect_timeout_seconds=1)
            for number in range(10)
        ]
        started = time.monotonic()
        states = [await plugin.create(ROLE, each) for each in inputs]
        message = await message_of_the_roster(plugin, dead, tmp_path, connect_timeout_seconds=1)
        assert time.monotonic() - started < 3
    assert [state["reachable"] for state in states] == [PropertyValue(False)] * 10
    assert message == f"edge1 ([127.0.0.1]:{port}): cannot be reached: no answer within 1 s."


async def test_reading_a_dead_host_keeps_its_state_and_marks_it(
    plugin: Plugin, tmp_path: Path, user_key: asyncssh.SSHKey
) -> None:
    (tmp_path / "home").mkdir()
    async with fake_host(tmp_path / "home", user_key) as gone:
        (tmp_path / "known_hosts").write_text(gone.known_hosts_line(), encoding="utf-8")
        inputs = role_inputs(gone, tmp_path, haproxy())
        state = await plugin.create(ROLE, inputs)
    seen = [PropertyValue.unmarshal_map(await plugin.read(ROLE, state, inputs)) for _ in range(3)]
    assert seen == [{**state, "reachable": PropertyValue(False)}] * 3
    assert plugin.engine.said(ERROR) == []
    assert list((await plugin.diff(ROLE, seen[0], inputs)).detailedDiff) == ["reachable"]


async def test_a_changed_host_key_is_refused_with_what_to_do(plugin: Plugin, host: FakeHost, tmp_path: Path) -> None:
    other = new_key().export_public_key().decode()
    (tmp_path / "known_hosts").write_text(f"[127.0.0.1]:{host.port} {other}", encoding="utf-8")
    message = await message_of_the_roster(plugin, host, tmp_path)
    assert f"edge1 ([127.0.0.1]:{host.port}): its host key is not the one in {tmp_path}/known_hosts" in message
    assert f"ssh-keygen -R '[127.0.0.1]:{host.port}'" in message
    assert host.operations == []


async def test_an_unknown_host_key_is_another_refusal(plugin: Plugin, host: FakeHost, tmp_path: Path) -> None:
    (tmp_path / "known_hosts").write_text("", encoding="utf-8")
    message = await message_of_the_roster(plugin, host, tmp_path)
    assert "its host key is unknown" in message
    assert f"ssh-keyscan -p {host.port} -t ed25519 127.0.0.1" in message
    assert host.logins == 0


async def test_a_host_behind_a_bastion_is_reached_through_it(
    plugin: Plugin, host: FakeHost, tmp_path: Path, user_key: asyncssh.SSHKey
) -> None:
    (tmp_path / "bastion").mkdir()
    async with fake_host(tmp_path / "bastion", user_key) as bastion:
        lines = host.known_hosts_line() + bastion.known_hosts_line()
        (tmp_path / "known_hosts").write_text(lines, encoding="utf-8")
        jump: Plain = {"address": "127.0.0.1", "port": bastion.port, "user": "deploy"}
        await plugin.create(ROLE, role_inputs(host, tmp_path, haproxy(), jump=jump))
        assert (bastion.logins, bastion.operations) == (1, [])
    assert host.operations == ["apply"]


async def until(condition: Callable[[], bool]) -> None:
    """Waits for the condition, at most five seconds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what a host was asked has no event
            await asyncio.sleep(0.01)
