"""What the figures of one run share, made when the first of them needs it."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cached_property

from bench.comparison import Comparison
from bench.front import Platform
from bench.provisioning import Provisioning
from bench.stack import succeeded


class Bench:
    """The platform that runs, and hosts of the benchmark's own; these are gone when `resources` is closed."""

    def __init__(self, resources: ExitStack) -> None:
        self._resources = resources

    @cached_property
    def platform(self) -> Platform:
        """The running stack `lab`. Raises Failure when it is not up."""
        return Platform()

    @cached_property
    def fleet(self) -> Provisioning:
        """Five fresh hosts."""
        return self._resources.enter_context(Provisioning())

    def converged(self) -> Comparison:
        """The same hosts with fifty items each, as every tool leaves them, and the tools."""
        succeeded(self.fleet.up())
        return Comparison(self.fleet)
