"""A host of its own for every test, and the roles they apply."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.hostside.world import World, new_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A bare host below the test's own directory."""
    assert os.geteuid() == 0, "these tests change owners and mount overlays below a temporary root: run them as root"
    root = tmp_path / "host"
    root.mkdir()
    return new_world(root)
