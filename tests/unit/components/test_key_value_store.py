from __future__ import annotations

from collections.abc import Callable

import pytest

from components.key_value_store import KeyValueStore, KeyValueStoreArgs
from components.load_balancer import Service
from roles.balancer.spec import Server
from scripts.recording import Recording, Registration, record

from .conftest import fleet


def store() -> KeyValueStore:
    hosts = fleet().hosts
    return KeyValueStore("key-value", KeyValueStoreArgs(host=hosts["app1"], sources=(hosts["edge1"].machine.network,)))


@pytest.fixture
def recording() -> Recording:
    return record(store)


def test_there_is_exactly_one_instance(recording: Recording) -> None:
    children = [item.name for item in recording.resources.values() if item.parent == "key-value"]
    assert children == ["key-value-app1"]


def test_nobody_but_the_balancer_gets_to_it(recording: Recording, text: Callable[[Registration], str]) -> None:
    written = text(recording.resources["key-value-app1"])
    assert "10.9.0.11" in written
    assert "10.9.0.12" not in written
    assert "198.51.100" not in written


def test_the_balancer_is_told_where_it_is() -> None:
    made: list[KeyValueStore] = []
    record(lambda: made.append(store()))
    server = Server.model_validate({"name": "app1", "address": "10.9.0.21", "port": 8100})
    assert made[0].service == Service(name="key-value", port=8100, servers=(server,))
