"""Roles render exactly what is on record; the record itself goes through the real daemons in tests/validate."""

from __future__ import annotations

import pytest

from hostside import contract
from tests.unit.roles import golden
from tests.unit.roles.samples import SAMPLES


@pytest.mark.parametrize("name", SAMPLES)
def test_a_role_puts_on_the_host_what_is_on_record(name: str) -> None:
    assert golden.on_disk(SAMPLES[name]) == golden.recorded(name)


def test_nothing_is_on_record_that_no_role_renders() -> None:
    assert {directory.name for directory in golden.GOLDEN.iterdir()} == set(SAMPLES)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_host_understands_the_role(name: str) -> None:
    assert contract.problems(golden.on_the_wire(SAMPLES[name])) == []
