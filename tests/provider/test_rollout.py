"""A rollout over three members that are nothing but state: who leads, who is healthy, what was restarted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh
import pytest
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import provider_pb2

from provider.values import Plain, as_texts, dressed_map, plain_map
from tests.provider.fake_host import FakeHost, fake_host
from tests.provider.harness import Plugin, message_of

ROLLOUT = "soundstage:cluster:Rollout"
NAMES = ("a", "b", "c")


@dataclass
class Double:
    """A cluster with exactly one leader. A restarted leader loses the lead; a member that is down cannot lead."""

    hosts: dict[str, FakeHost] = field(default_factory=dict[str, FakeHost])
    leader: str = "b"
    unhealthy: set[str] = field(default_factory=set[str])
    breaks_on_restart: set[str] = field(default_factory=set[str])
    notes: dict[str, str] = field(default_factory=dict[str, str])
    history: list[str] = field(default_factory=list[str])

    def command(self, name: str, request: dict[str, Plain]) -> dict[str, Plain]:
        argv = as_texts(request["argv"])
        status, stdout = 0, ""
        match argv:
            case ["who-leads"]:
                stdout = f"{self.leader}\n"
            case ["am-i-healthy"]:
                status = 1 if name in self.unhealthy else 0
            case ["hand-over", "--from", leader, "--to", candidate]:
                assert name == leader == self.leader, "only the leader can hand over"
                self.leader = candidate
                self.history.append(f"handover {leader} → {candidate}")
            case ["cat", _]:
                status, stdout = (0, self.notes[name]) if name in self.notes else (1, "")
            case ["install", *_]:
                self.notes[name] = str(request["stdin"])
            case ["rm" | "rmdir", *_]:
                self.notes.pop(name, None)
            case _:
                raise AssertionError(argv)
        return {"result": {"status": status, "stdout": stdout, "stderr": ""}}

    def restart(self, name: str, request: dict[str, Plain]) -> dict[str, Plain]:
        assert name != self.leader, "a leader was restarted without a handover"
        assert not self.unhealthy, "a member was restarted while another one was not healthy"
        self.history.append(f"restart {name}")
        if name in self.breaks_on_restart:
            self.unhealthy.add(name)
        return {"result": {}}

    def inputs(self, folder: Path, fingerprint: str) -> dict[str, PropertyValue]:
        members: dict[str, Plain] = {
            name: {
                "host": name,
                "connection": host.connection(folder / "known_hosts", folder / "id_ed25519"),
                "fingerprint": fingerprint,
                "unit": "etcd.service",
            }
            for name, host in self.hosts.items()
        }
        return dressed_map(
            {
                "members": members,
                "leader_argv": ["who-leads"],
                "healthy_argv": ["am-i-healthy"],
                "handover_argv": ["hand-over", "--from", "{leader}", "--to", "{candidate}"],
                "deadline_seconds": 1,
            }
        )


@pytest.fixture
async def cluster(tmp_path: Path, user_key: asyncssh.SSHKey) -> AsyncIterator[Double]:
    double = Double()
    async with AsyncExitStack() as stack:
        for name in NAMES:
            (tmp_path / name).mkdir()
            host = await stack.enter_async_context(fake_host(tmp_path / name, user_key))
            host.answers["command"] = lambda request, name=name: double.command(name, request)
            host.answers["restart"] = lambda request, name=name: double.restart(name, request)
            double.hosts[name] = host
        lines = "".join(host.known_hosts_line() for host in double.hosts.values())
        (tmp_path / "known_hosts").write_text(lines, encoding="utf-8")
        yield double


async def test_the_leader_is_restarted_last_after_one_handover(plugin: Plugin, cluster: Double, tmp_path: Path) -> None:
    await plugin.create(ROLLOUT, cluster.inputs(tmp_path, "v1"))
    assert cluster.history == ["restart a", "restart c", "handover b → a", "restart b"]
    assert cluster.notes == {"a": "v1\n", "b": "v1\n", "c": "v1\n"}


async def test_a_second_run_restarts_nobody(plugin: Plugin, cluster: Double, tmp_path: Path) -> None:
    inputs = cluster.inputs(tmp_path, "v1")
    state = await plugin.create(ROLLOUT, inputs)
    cluster.history.clear()
    assert (await plugin.diff(ROLLOUT, state, inputs)).changes == provider_pb2.DiffResponse.DIFF_NONE
    await plugin.update(ROLLOUT, state, inputs)
    assert cluster.history == []


async def test_a_member_that_does_not_come_back_stops_the_roll_and_the_next_run_goes_on(
    plugin: Plugin, cluster: Double, tmp_path: Path
) -> None:
    cluster.breaks_on_restart = {"a"}
    message = await message_of(plugin.create(ROLLOUT, cluster.inputs(tmp_path, "v1")))
    assert "x: a is not healthy within 1 s, so nothing (more) restarts" in message
    assert cluster.history == ["restart a"]
    assert cluster.notes == {}
    cluster.breaks_on_restart, cluster.unhealthy = set(), set()
    cluster.history.clear()
    await plugin.create(ROLLOUT, cluster.inputs(tmp_path, "v1"))
    assert cluster.history == ["restart a", "restart c", "handover b → a", "restart b"]


async def test_an_interrupted_roll_goes_on_with_those_that_are_left(
    plugin: Plugin, cluster: Double, tmp_path: Path
) -> None:
    cluster.notes = {"a": "v2\n", "b": "v1\n", "c": "v1\n"}
    await plugin.create(ROLLOUT, cluster.inputs(tmp_path, "v2"))
    assert cluster.history == ["restart c", "handover b → a", "restart b"]


async def test_nothing_restarts_while_a_member_is_not_healthy(plugin: Plugin, cluster: Double, tmp_path: Path) -> None:
    cluster.unhealthy = {"c"}
    assert "c is not healthy" in await message_of(plugin.create(ROLLOUT, cluster.inputs(tmp_path, "v1")))
    assert cluster.history == []


async def test_reading_shows_a_member_whose_restart_is_missing(plugin: Plugin, cluster: Double, tmp_path: Path) -> None:
    inputs = cluster.inputs(tmp_path, "v1")
    state = await plugin.create(ROLLOUT, inputs)
    assert await plugin.read(ROLLOUT, state, inputs) == PropertyValue.marshal_map(state)
    cluster.notes["c"] = "older\n"
    seen = PropertyValue.unmarshal_map(await plugin.read(ROLLOUT, state, inputs))
    assert list((await plugin.diff(ROLLOUT, seen, inputs)).detailedDiff) == ["members.c.fingerprint"]


async def test_a_preview_restarts_nobody(plugin: Plugin, cluster: Double, tmp_path: Path) -> None:
    await plugin.create(ROLLOUT, cluster.inputs(tmp_path, "v1"), preview=True)
    assert cluster.history == []


async def test_removing_a_rollout_removes_its_notes(plugin: Plugin, cluster: Double, tmp_path: Path) -> None:
    state = await plugin.create(ROLLOUT, cluster.inputs(tmp_path, "v1"))
    await plugin.delete(ROLLOUT, state)
    assert cluster.notes == {}


async def test_a_rollout_without_its_commands_is_refused_by_name(
    plugin: Plugin, cluster: Double, tmp_path: Path
) -> None:
    inputs = {**cluster.inputs(tmp_path, ""), "leader_argv": PropertyValue([])}
    assert plain_map(inputs)["leader_argv"] == []
    assert await plugin.check(ROLLOUT, inputs) == {
        "leader_argv": "is missing or empty",
        "members.a.fingerprint": "is missing",
        "members.b.fingerprint": "is missing",
        "members.c.fingerprint": "is missing",
    }
