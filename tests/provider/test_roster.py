"""The roster of a host: no role missed, none too many, and one error for a host that is off."""

from __future__ import annotations

from pathlib import Path

import asyncssh
from pulumi.provider.experimental.property_value import PropertyValue

from provider.values import plain_map
from tests.provider.fake_host import FakeHost, fake_host
from tests.provider.harness import ROLE, ROSTER, Plugin, message_of, role_inputs, roster_inputs
from tests.provider.roles import haproxy


async def test_a_full_roster_asks_once_and_changes_nothing(plugin: Plugin, host: FakeHost, tmp_path: Path) -> None:
    host.answers["roles"] = lambda _: {"result": {"roles": ["haproxy"]}}
    inputs = roster_inputs(host, tmp_path, {"haproxy": True})
    state = await plugin.create(ROSTER, inputs)
    assert host.operations == ["roles"]
    assert not (await plugin.diff(ROSTER, state, inputs)).detailedDiff
    assert await plugin.read(ROSTER, state, inputs) == PropertyValue.marshal_map(state)


async def test_a_role_nobody_declares_is_shown_and_taken_away(plugin: Plugin, host: FakeHost, tmp_path: Path) -> None:
    host.answers["roles"] = lambda _: {"result": {"roles": ["haproxy", "by-hand", "forgotten"]}}
    inputs = roster_inputs(host, tmp_path, {"haproxy": True})
    stored = {**inputs}
    seen = PropertyValue.unmarshal_map(await plugin.read(ROSTER, stored, inputs))
    assert plain_map(seen)["roles"] == {"haproxy": True, "by-hand": True, "forgotten": True}
    found = (await plugin.diff(ROSTER, seen, inputs)).detailedDiff
    assert sorted(found) == ['roles["by-hand"]', 'roles["forgotten"]']
    await plugin.update(ROSTER, seen, inputs)
    removed = [request["role"] for request in host.requests if request["op"] == "remove"]
    assert removed == ["forgotten", "by-hand"]


async def test_roles_that_were_missed_are_an_error_even_when_the_host_answers_again(
    plugin: Plugin, host: FakeHost, tmp_path: Path
) -> None:
    host.answers["roles"] = lambda _: {"result": {"roles": []}}
    message = await message_of(plugin.create(ROSTER, roster_inputs(host, tmp_path, {"haproxy": False, "web": True})))
    assert message == "edge1 answers again; the next run applies haproxy"


async def test_a_role_of_a_host_that_is_off_is_left_behind_and_the_foundation_says_so(
    plugin: Plugin, tmp_path: Path, user_key: asyncssh.SSHKey
) -> None:
    (tmp_path / "home").mkdir()
    async with fake_host(tmp_path / "home", user_key) as gone:
        (tmp_path / "known_hosts").write_text(gone.known_hosts_line(), encoding="utf-8")
    state = role_inputs(gone, tmp_path, haproxy())
    await plugin.delete(ROLE, state)
    message = await message_of(plugin.delete(ROLE, {**state, "foundation": PropertyValue(True)}))
    assert "cannot be reached" in message
    assert "soundstage:lost_hosts" in message


async def test_the_foundation_takes_along_what_was_left_behind(plugin: Plugin, host: FakeHost, tmp_path: Path) -> None:
    host.answers["roles"] = lambda _: {"result": {"roles": ["haproxy", "keepalived", "web"]}}
    await plugin.delete(ROLE, {**role_inputs(host, tmp_path, haproxy()), "foundation": PropertyValue(True)})
    removed = [request["role"] for request in host.requests if request["op"] == "remove"]
    assert removed == ["web", "keepalived", "haproxy"]


async def test_another_role_in_the_same_place_replaces_the_old_one(
    plugin: Plugin, host: FakeHost, tmp_path: Path
) -> None:
    old, new = role_inputs(host, tmp_path, haproxy()), role_inputs(host, tmp_path, haproxy(name="nginx"))
    answer = await plugin.diff(ROLE, old, new)
    assert list(answer.replaces) == ["role.name"]
    assert answer.deleteBeforeReplace
