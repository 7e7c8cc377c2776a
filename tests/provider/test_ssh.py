"""Where keys come from, and what a connection property means."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from provider import ssh
from provider.errors import Unreachable
from provider.ssh import Jump, Pool, Target, target_of
from provider.values import Plain
from tests.provider.fake_host import FakeHost, exported


@pytest.fixture
async def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """A running ssh-agent without keys."""
    socket = tmp_path / "agent"
    process = await asyncio.create_subprocess_exec("ssh-agent", "-D", "-a", str(socket), stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    await process.stdout.readline()
    monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
    yield
    process.terminate()
    await process.wait()


def target(host: FakeHost, folder: Path, identity: Path | None) -> Target:
    known_hosts = folder / "known_hosts"
    return Target("edge1", "127.0.0.1", host.port, "deploy", identity, known_hosts, None, 5, 5)


async def test_an_agents_key_opens_the_host(agent: None, host: FakeHost, tmp_path: Path) -> None:
    added = await asyncio.create_subprocess_exec("ssh-add", "-q", "-", stdin=asyncio.subprocess.PIPE)
    await added.communicate(exported(host.user_key))
    assert added.returncode == 0
    pool = Pool()
    await pool.connection(target(host, tmp_path, None))
    assert host.logins == 1
    await pool.close()


async def test_an_agent_without_keys_is_told(agent: None, host: FakeHost, tmp_path: Path) -> None:
    pool = Pool()
    with pytest.raises(Unreachable, match="the ssh agent holds no key: ssh-add one, or set identity_file"):
        await pool.connection(target(host, tmp_path, None))
    await pool.close()


async def test_no_agent_and_no_identity_file_is_told(
    host: FakeHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with pytest.raises(Unreachable, match="SSH_AUTH_SOCK is empty"):
        await Pool().connection(target(host, tmp_path, None))


async def test_an_identity_file_that_is_missing_is_told(host: FakeHost, tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="gone cannot be read: No such file"):
        await Pool().connection(target(host, tmp_path, tmp_path / "gone"))


async def test_a_key_the_host_does_not_accept_is_told(host: FakeHost, tmp_path: Path) -> None:
    host.user_key = host.key
    with pytest.raises(Unreachable, match=r"does not let deploy in with the key .*id_ed25519"):
        await Pool().connection(target(host, tmp_path, tmp_path / "id_ed25519"))


async def test_a_user_that_is_made_during_the_run_is_let_in(
    host: FakeHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool, place, key = Pool(), target(host, tmp_path, tmp_path / "id_ed25519"), host.user_key
    host.user_key = host.key
    for _ in range(2):
        with pytest.raises(Unreachable, match="does not let deploy in"):
            await pool.connection(place)
    assert host.attempts == 1, "a refusal is not asked for again at once"
    host.user_key = key
    monkeypatch.setattr(ssh, "REFUSAL_SECONDS", 0)
    await pool.connection(place)
    assert host.logins == 1
    await pool.close()


async def test_a_host_without_its_ssh_server_is_told_at_once(host: FakeHost, tmp_path: Path) -> None:
    closed = Target("edge1", "127.0.0.1", 1, "deploy", tmp_path / "id_ed25519", tmp_path / "known_hosts", None, 5, 5)
    (tmp_path / "known_hosts").write_text(f"[127.0.0.1]:1 {host.key.export_public_key().decode()}", encoding="utf-8")
    with pytest.raises(Unreachable, match=r"edge1 \(\[127.0.0.1\]:1\): cannot be reached: .*refused"):
        await Pool().connection(closed)


async def test_a_connection_that_ended_is_dialled_again(host: FakeHost, tmp_path: Path) -> None:
    pool, place = Pool(), target(host, tmp_path, tmp_path / "id_ed25519")
    first = await pool.connection(place)
    assert await pool.connection(place) is first
    host.cut_connections()
    await first.wait_closed()
    assert await pool.connection(place) is not first
    await pool.close()


def test_paths_of_a_connection_are_relative_to_the_project() -> None:
    connection: Plain = {
        "address": "10.0.0.11",
        "port": 22,
        "user": "deploy",
        "identity_file": "",
        "known_hosts": ".lab/known_hosts",
        "jump": {"address": "10.0.0.1", "port": 2222, "user": "gate"},
        "connect_timeout_seconds": 8,
        "operation_timeout_seconds": 900,
    }
    assert target_of("edge1", connection, Path("/srv/soundstage")) == Target(
        host="edge1",
        address="10.0.0.11",
        port=22,
        user="deploy",
        identity_file=None,
        known_hosts=Path("/srv/soundstage/.lab/known_hosts"),
        jump=Jump("10.0.0.1", 2222, "gate"),
        connect_timeout_seconds=8,
        operation_timeout_seconds=900,
    )


def test_the_bastion_is_reached_with_the_same_key_and_trust(tmp_path: Path) -> None:
    behind = Target("edge1", "10.0.0.11", 22, "deploy", tmp_path / "key", tmp_path / "known", None, 5, 5)
    gate = behind.through(Jump("10.0.0.1", 2222, "gate"))
    assert (gate.host, gate.address, gate.port, gate.user) == ("edge1's jump host", "10.0.0.1", 2222, "gate")
    assert (gate.identity_file, gate.known_hosts, gate.jump) == (tmp_path / "key", tmp_path / "known", None)
