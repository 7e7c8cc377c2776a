"""The entry of the program: `serve` for the controller, the other words for a person on the host."""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence

from . import operations, serve
from .machine import Machine
from .program import running

USAGE = "usage: soundstage serve"


def main(argv: Sequence[str]) -> int:
    """Runs the program; returns its exit status."""
    machine = Machine()
    program = running()
    host = operations.Host(machine, program)
    if list(argv[1:]) == ["serve"]:
        hello = {"program": program.name if program else "", "python": platform.python_version()}
        serve.Server(lambda request, progress: operations.answer(host, request, progress), serve.EVENTS).run(hello)
        return 0
    print(USAGE, file=sys.stderr)
    return 2
