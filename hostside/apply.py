"""The entry of the program: `serve` for the controller, the other words for a person on the host."""

from __future__ import annotations

import os
from collections.abc import Sequence

from . import operations, serve
from .facts import python_version
from .machine import Machine
from .program import running

_UMASK = 0o022


def main(argv: Sequence[str]) -> int:
    """Runs the program; returns its exit status: 0 good, 1 something is wrong, 2 not understood."""
    os.umask(_UMASK)
    if list(argv[1:]) == ["serve"]:
        return _serve()
    # Every run of a controller waits for this module: what only people need stands in one of its own.
    from .words import understand  # noqa: PLC0415

    return understand(argv[1:])


def _serve() -> int:
    host = operations.Host(Machine(), running())
    server = serve.Server(lambda request, progress: operations.answer(host, request, progress), serve.EVENTS)
    server.before_fork = lambda request: operations.prepare(host, request)
    server.run({"program": host.program.name if host.program else "", "python": python_version()})
    return 0
