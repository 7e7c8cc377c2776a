"""The life of a role over the plugin's own interface, against a host behind real SSH."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import engine_pb2, provider_pb2

from provider.values import Plain, as_map, dressed, dressed_map, field, plain, plain_map
from tests.provider.fake_host import FakeHost, new_key, nothing_differs
from tests.provider.harness import Plugin, message_of, role_inputs
from tests.provider.roles import haproxy, with_config

ROLE = "soundstage:host:Role"
INFO, WARNING, ERROR = engine_pb2.INFO, engine_pb2.WARNING, engine_pb2.ERROR


async def test_creating_a_role_installs_the_program_once_and_applies(
    plugin: Plugin, host: FakeHost, tmp_path: Path
) -> None:
    host.progress["apply"] = ["installing haproxy"]
    made = await plugin.create(ROLE, role_inputs(host, tmp_path, haproxy()))
    assert plain_map(made)["role"] == haproxy()
    assert {key: plain(made[key]) for key in ("healthy", "reachable", "unsettable")} == {
        "healthy": True,
        "reachable": True,
        "unsettable": {},
    }
    assert host.operations == ["apply"]
    assert len(host.installed) == 1
    assert plugin.engine.said(INFO, ephemeral=True) == ["edge1: installing haproxy"]


async def test_one_connection_serves_every_role_of_a_host(plugin: Plugin, host: FakeHost, tmp_path: Path) -> None:
    roles = [role_inputs(host, tmp_path, haproxy(name=f"role-{number}")) for number in range(10)]
    await asyncio.gather(*(plugin.create(ROLE, role) for role in roles))
    assert host.operations == ["apply"] * 10
    assert host.logins == 1


async def test_a_preview_touches_no_host_and_says_the_consequence(
    plugin: Plugin, host: FakeHost, tmp_path: Path
) -> None:
    old, new = role_inputs(host, tmp_path, haproxy()), role_inputs(host, tmp_path, with_config("other\n"))
    await plugin.create(ROLE, old, preview=True)
    await plugin.diff(ROLE, old, new)
    await plugin.update(ROLE, old, new, preview=True)
    assert host.logins == 0
    assert plugin.engine.said(INFO) == [
        "edge1 haproxy: new: installs haproxy, 2 files, starts haproxy.service",
        "edge1 haproxy: haproxy.cfg changes → reload, connections kept",
    ]


async def test_a_difference_names_the_path(plugin: Plugin, host: FakeHost, tmp_path: Path) -> None:
    old, new = role_inputs(host, tmp_path, haproxy()), role_inputs(host, tmp_path, with_config("other\n"))
    answer = await plugin.diff(ROLE, old, new)
    assert list(answer.detailedDiff) == ['role.files["/etc/haproxy/haproxy.cfg"].content']
    assert not answer.replaces


async def test_another_host_is_a_replacement_with_the_old_one_first(
    plugin: Plugin, host: FakeHost, tmp_path: Path
) -> None:
    old = role_inputs(host, tmp_path, haproxy())
    answer = await plugin.diff(ROLE, old, {**old, "host": PropertyValue("edge2")})
    assert list(answer.replaces) == ["host"]
    assert answer.deleteBeforeReplace


async def test_another_way_to_the_same_host_is_no_difference(plugin: Plugin, host: FakeHost, tmp_path: Path) -> None:
    old, new = role_inputs(host, tmp_path, haproxy()), role_inputs(host, tmp_path, haproxy(), port=2222, user="other")
    assert (await plugin.diff(ROLE, old, new)).changes == provider_pb2.DiffResponse.DIFF_NONE


async def test_reading_a_host_that_is_as_declared_gives_the_stored_state_byte_for_byte(
    plugin: Plugin, host: FakeHost, tmp_path: Path
) -> None:
    inputs = role_inputs(host, tmp_path, haproxy(absent=["/etc/haproxy/default"]))
    state = await plugin.create(ROLE, inputs)
    assert await plugin.read(ROLE, state, inputs) == PropertyValue.marshal_map(state)


async def test_a_file_edited_on_the_host_is_read_and_shows_as_a_difference(
    plugin: Plugin, host: FakeHost, tmp_path: Path
) -> None:
    inputs = role_inputs(host, tmp_path, haproxy())
    state = await plugin.create(ROLE, inputs)
    host.answers["observe"] = lambda _: nothing_differs({"role": with_config("edited\n")})
    seen = PropertyValue.unmarshal_map(await plugin.read(ROLE, state, inputs))
    assert plain_map(seen)["role"] == with_config("edited\n")
    assert list((await plugin.diff(ROLE, seen, inputs)).detailedDiff) == [
        'role.files["/etc/haproxy/haproxy.cfg"].content'
    ]


async def test_a_service_that_does_not_answer_shows_as_a_difference(
    plugin: Plugin, host: FakeHost, tmp_path: Path
) -> None:
    inputs = role_inputs(host, tmp_path, haproxy())
    state = await plugin.create(ROLE, inputs)
    as_declared = as_map(nothing_differs({"role": haproxy()})["result"])
    failures: Plain = ["127.0.0.1:80: connection refused"]
    host.answers["observe"] = lambda _: {"result": {**as_declared, "healthy": False, "failures": failures}}
    seen = PropertyValue.unmarshal_map(await plugin.read(ROLE, state, inputs))
    assert plain(seen["healthy"]) is False
    assert list((await plugin.diff(ROLE, seen, inputs)).detailedDiff) == ["healthy"]
    assert plugin.engine.said(WARNING) == ["edge1 haproxy: 127.0.0.1:80: connection refused"]


async def test_what_cannot_be_set_there_is_reported_and_its_wording_is_no_finding(
    plugin: Plugin, host: FakeHost, tmp_path: Path
) -> None:
    inputs = role_inputs(host, tmp_path, haproxy(sysctl={"vm.swappiness": "1"}))
    state = {**await plugin.create(ROLE, inputs), "unsettable": dressed({"vm.swappiness": "the machine's"})}
    as_declared = as_map(nothing_differs({"role": plain(inputs["role"])})["result"])
    host.answers["observe"] = lambda _: {"result": {**as_declared, "unsettable": {"vm.swappiness": "is 60"}}}
    assert await plugin.read(ROLE, state, inputs) == PropertyValue.marshal_map(state)


async def test_a_malformed_role_is_refused_with_every_field_by_name(
    plugin: Plugin, host: FakeHost, tmp_path: Path
) -> None:
    wrong = role_inputs(host, tmp_path, haproxy(files={"relative": {"content": "", "mode": "644"}}, unit="x"))
    failures = await plugin.check(ROLE, wrong)
    assert any("relative" in path for path in failures), failures
    assert any("mode" in path for path in failures), failures
    assert "role.unit" in failures


async def test_a_refused_value_that_is_secret_is_not_quoted(plugin: Plugin, host: FakeHost, tmp_path: Path) -> None:
    inputs = role_inputs(host, tmp_path, haproxy())
    role = inputs["role"].value
    assert isinstance(role, Mapping)
    mode = PropertyValue("rw8XkQmN2vLpT5yZaB7c", is_secret=True)
    element = PropertyValue({"content": PropertyValue(""), "mode": mode})
    wrong = {**inputs, "role": PropertyValue({**role, "files": PropertyValue({"/etc/x": element})})}
    failures = await plugin.check(ROLE, wrong)
    assert "[secret]" in failures['role.files["/etc/x"].mode']


async def test_a_failure_on_the_host_is_told_without_class_name_traceback_or_secret(
    plugin: Plugin, host: FakeHost, tmp_path: Path
) -> None:
    secret = "password: rw8XkQmN2vLpT5yZaB7c"
    inputs = with_a_secret_file(role_inputs(host, tmp_path, haproxy()), secret)
    error: Plain = {
        "step": "verify",
        "message": f"http://10.0.0.1/ answered 401 ({secret})",
        "journal": "haproxy[7]: no",
    }
    host.answers["apply"] = lambda _: {"error": error}
    message = await message_of(plugin.create(ROLE, inputs))
    assert message == "edge1 haproxy: verify: http://10.0.0.1/ answered 401 ([secret])\nhaproxy[7]: no"


async def test_a_failure_while_reading_keeps_the_state_to_be_tried_again(
    plugin: Plugin, host: FakeHost, tmp_path: Path
) -> None:
    inputs = role_inputs(host, tmp_path, haproxy())
    state = await plugin.create(ROLE, inputs)
    host.answers["observe"] = lambda _: {"error": {"step": "observe", "message": "disk is unreadable", "journal": ""}}
    seen = PropertyValue.unmarshal_map(await plugin.read(ROLE, state, inputs))
    assert seen == {**state, "reachable": PropertyValue(False)}


async def test_a_secret_content_stays_secret_in_outputs_and_after_reading(
    plugin: Plugin, host: FakeHost, tmp_path: Path
) -> None:
    inputs = with_a_secret_file(role_inputs(host, tmp_path, haproxy()), "password: rw8XkQmN2vLpT5yZaB7c")
    state = await plugin.create(ROLE, inputs)
    host.answers["observe"] = lambda _: nothing_differs(
        {"role": haproxy(files={"/etc/haproxy/secret": {"content": "x"}})}
    )
    for outputs in (state, PropertyValue.unmarshal_map(await plugin.read(ROLE, state, inputs))):
        content = field(field(field(outputs["role"], "files"), "/etc/haproxy/secret"), "content")
        assert content is not None
        assert content.is_secret


async def test_sources_are_uploaded_only_when_the_host_lacks_them(
    plugin: Plugin, host: FakeHost, tmp_path: Path
) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "main.py").write_text("print()\n", encoding="utf-8")
    # sha256 of "main.py NUL 0644 NUL sha256('print()\n') LF"
    digest = "c04b336605f38ac9733bb8e7777fc3e2b38ac591a8485a5680cd256980bb3849"
    artifacts: Plain = {"/opt/app": {"sha256": digest, "source": str(tmp_path / "app")}}
    uploads: list[bool] = []

    def applied(request: dict[str, Plain]) -> dict[str, Plain]:
        incoming = as_map(as_map(request["incoming"])["/opt/app"])
        uploads.append((host.home / str(incoming["file"]).lstrip("/")).exists())
        return {"result": {"observed": {}, "notes": []}}

    host.answers["apply"] = applied
    await plugin.create(ROLE, role_inputs(host, tmp_path, {"name": "app", "artifacts": artifacts}))
    host.answers["missing"] = lambda _: {"result": {"missing": []}}
    del host.answers["apply"]
    await plugin.create(ROLE, role_inputs(host, tmp_path, {"name": "app", "artifacts": artifacts}))
    assert host.operations == ["missing", "apply", "missing", "apply"]
    assert uploads == [True]
    assert list(host.home.iterdir()) == []


async def test_an_armed_change_is_confirmed_over_a_new_connection(
    plugin: Plugin, host: FakeHost, tmp_path: Path
) -> None:
    host.answers["apply"] = lambda _: {"result": {"observed": {}, "armed": True}}
    await plugin.create(ROLE, role_inputs(host, tmp_path, haproxy(confirm_seconds=30)))
    assert host.operations == ["apply", "confirm"]
    assert host.logins == 2


async def test_an_armed_change_that_locks_us_out_is_told(plugin: Plugin, host: FakeHost, tmp_path: Path) -> None:
    def lock_out(_: dict[str, Plain]) -> dict[str, Plain]:
        host.user_key = new_key()
        return {"result": {"observed": {}, "armed": True}}

    host.answers["apply"] = lock_out
    message = await message_of(plugin.create(ROLE, role_inputs(host, tmp_path, haproxy(confirm_seconds=1))))
    assert "confirm: no new connection came through after the change" in message
    assert "does not let deploy in" in message


async def test_config_of_the_project_is_not_the_plugins(plugin: Plugin) -> None:
    config = PropertyValue.marshal_map(dressed_map({"hosts": "{}", "version": "0.1.0"}))
    kept = await plugin.stub.CheckConfig(provider_pb2.CheckRequest(urn="x", news=config))
    assert list(kept.inputs.fields) == ["version"]
    answer = await plugin.stub.DiffConfig(provider_pb2.DiffRequest(urn="x", news=config))
    assert answer.changes == provider_pb2.DiffResponse.DIFF_NONE


async def test_the_plugin_leaves_when_it_is_told_to(plugin: Plugin) -> None:
    plugin.process.terminate()
    assert await asyncio.wait_for(plugin.process.wait(), 5) == 0


def with_a_secret_file(inputs: dict[str, PropertyValue], content: str) -> dict[str, PropertyValue]:
    """The same role with one file whose content the program made from a secret."""
    element = PropertyValue({"content": PropertyValue(content, is_secret=True), "mode": PropertyValue("0600")})
    role = inputs["role"].value
    assert isinstance(role, Mapping)
    return {**inputs, "role": PropertyValue({**role, "files": PropertyValue({"/etc/haproxy/secret": element})})}
