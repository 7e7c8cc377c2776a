"""How far a host's clock is off, told apart from how long it took to ask."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from provider.values import Plain, as_number
from tests.provider.fake_host import FakeHost
from tests.provider.harness import ROLE, Plugin, role_inputs
from tests.provider.roles import haproxy

REQUIRES: dict[str, Plain] = {"clock_offset_seconds": 0.2}


@pytest.mark.parametrize("offset", [30.0, -30.0])
async def test_a_clock_that_is_wrong_is_told_to_the_host(
    plugin: Plugin, host: FakeHost, tmp_path: Path, offset: float
) -> None:
    host.answers["facts"] = lambda _: {"result": {"time": time.time() + offset}}
    await plugin.create(ROLE, role_inputs(host, tmp_path, haproxy(requires=REQUIRES)))
    assert host.operations[-1] == "apply"
    assert as_number(host.requests[-1]["clock_offset_seconds"], 0) == pytest.approx(offset, abs=0.2)  # pyright: ignore[reportUnknownMemberType] untyped there


async def test_a_slow_way_to_a_host_is_not_held_against_its_clock(
    plugin: Plugin, host: FakeHost, tmp_path: Path
) -> None:
    held = host.hold["facts"] = asyncio.Event()
    asyncio.get_running_loop().call_later(1, held.set)
    await plugin.create(ROLE, role_inputs(host, tmp_path, haproxy(requires=REQUIRES)))
    assert host.requests[-1]["clock_offset_seconds"] == 0
    assert host.operations == ["facts", "facts", "apply"]


async def test_a_role_that_does_not_ask_for_the_time_costs_no_question(
    plugin: Plugin, host: FakeHost, tmp_path: Path
) -> None:
    await plugin.create(ROLE, role_inputs(host, tmp_path, haproxy()))
    assert host.operations == ["apply"]
    assert host.requests[-1]["clock_offset_seconds"] is None
