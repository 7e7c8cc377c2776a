"""What a host must be before a role comes to it."""

from __future__ import annotations

import re

import pytest

from hostside.contract import role_of
from hostside.failure import Failure
from hostside.packages import Packages
from hostside.transaction import Apply
from tests.hostside.roles import files_only
from tests.hostside.world import World, refused

PUNCTUAL = {**files_only(a="1"), "requires": {"clock_offset_seconds": 2}}


def test_every_unmet_requirement_is_told_before_anything_changes(world: World) -> None:
    before = world.picture()
    requires = {"systems": ["ubuntu:24.04"], "memory_bytes": 2**40, "interfaces": ["bond7"]}
    failure = refused(world, {**files_only(a="1"), "requires": requires})
    assert failure.step == "requires"
    assert "system is debian:12, supported are ubuntu:24.04" in failure.message
    assert "memory is 2,097,152,000 bytes" in failure.message
    assert "no interface bond7" in failure.message
    assert world.differs_from(before) == {}


@pytest.mark.parametrize("offset", [2.5, -2.5])
def test_a_wrong_clock_is_refused(world: World, offset: float) -> None:
    with pytest.raises(
        Failure, match=re.escape(f"clock differs by {offset:+.1f} s from the controller's, allowed are 2 s")
    ):
        Apply(world.machine(), role_of(PUNCTUAL), Packages(), list[str]().append, clock_offset_seconds=offset).answer()


@pytest.mark.parametrize("offset", [1.5, -1.5, None])
def test_a_clock_within_the_limit_is_good(world: World, offset: float | None) -> None:
    Apply(world.machine(), role_of(PUNCTUAL), Packages(), list[str]().append, clock_offset_seconds=offset).answer()
    assert world.path("/etc/plain/a").read_text() == "1"
