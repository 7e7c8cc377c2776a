"""A host of its own for every test, and the roles they apply."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostside.world import World, new_world


@pytest.fixture
def memory() -> Iterator[Path]:
    """A directory in memory: these tests sync thousands of times, and what is synced is asserted, not needed."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as place:
        yield Path(place)


@pytest.fixture
def world(memory: Path) -> World:
    """A bare host below a directory of its own."""
    assert os.geteuid() == 0, "these tests change owners and mount overlays below a temporary root: run them as root"
    root = memory / "host"
    root.mkdir()
    return new_world(root)
