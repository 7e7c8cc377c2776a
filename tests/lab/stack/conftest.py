"""One stack for all tests of this folder: the committed program and `Pulumi.lab.yaml` on four hosts of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.stack.checkout import Checkout


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A running stack, brought up by `make up` and taken away by `make down`."""
    checkout = Checkout.copy(tmp_path_factory.mktemp("stack") / "soundstage")
    try:
        checkout.make("up", seconds=1800)
        yield checkout
    finally:
        checkout.make("down")
