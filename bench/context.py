"""What the figures of one run share, made when the first of them needs it."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cached_property

from bench.front import Platform
from bench.provisioning import Provisioning


class Bench:
    """The platform that runs, and hosts of the benchmark's own; these are gone when `resources` is closed."""

    def __init__(self, resources: ExitStack) -> None:
        self._resources = resources

    @cached_property
    def platform(self) -> Platform:
        """The running stack `lab`. Raises Failure when it is not up."""
        return Platform()

    @cached_property
    def provisioning(self) -> Provisioning:
        """Five hosts with fifty items each, applied once."""
        return self._resources.enter_context(Provisioning())
