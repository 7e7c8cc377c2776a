"""Hosts for the provisioning figures: a lab beside the platform's, with a state of its own, gone afterwards."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from functools import cached_property
from types import TracebackType
from typing import Self

from bench.hosts import PLATFORM, LabHosts, lab_command
from bench.stack import Run, Stack, local_backend, succeeded
from toolchain.cache import PROJECT

HOSTS = ("fleet1", "fleet2", "fleet3", "fleet4", "fleet5")
ITEMS = 50
_DIRECTORY = PLATFORM / "bench"
_PROGRAM = PROJECT / "bench" / "fleet"
_STACK = "fleet"


class Provisioning:
    """The running hosts and their stack, already applied once."""

    first_apply: Run

    def __enter__(self) -> Self:
        # What an earlier, interrupted run left behind would be measured as well.
        self._remove()
        lab_command(_DIRECTORY, "up", *HOSTS)
        try:
            self._make_stack()
            self.first_apply = succeeded(self.up())
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()

    @cached_property
    def hosts(self) -> LabHosts:
        """The five hosts."""
        return LabHosts(_DIRECTORY)

    @cached_property
    def stack(self) -> Stack:
        """The stack of the program in bench/fleet, with a state of its own."""
        environment = {**local_backend(_DIRECTORY), "PYTHONPATH": str(PROJECT)}
        return Stack(_PROGRAM, _STACK, environment)

    def up(self) -> Run:
        """`pulumi up --refresh`, as it ended."""
        return self.stack.pulumi("up", "--refresh", "--yes", "--skip-preview")

    def revise(self, revision: Mapping[str, int]) -> None:
        """Declares another content of one file of each of these hosts."""
        project = "soundstage-bench"
        config = {
            f"{project}:lab": os.path.relpath(_DIRECTORY, _PROGRAM),
            f"{project}:addresses": {name: self.hosts.address(name) for name in HOSTS},
            f"{project}:revision": dict(revision),
        }
        config_file = _DIRECTORY / f"Pulumi.{_STACK}.yaml"
        config_file.write_text(json.dumps({"config": config}) + "\n")

    def _make_stack(self) -> None:
        succeeded(self.stack.pulumi("stack", "init"))
        self.revise({})

    def _remove(self) -> None:
        lab_command(_DIRECTORY, "down")
        if _DIRECTORY.is_dir():
            shutil.rmtree(_DIRECTORY)
