"""The entry of the program: `serve` for the controller, the other words for a person on the host."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Sequence

from . import maintenance, operations, recovery, serve, status
from .failure import Failure
from .machine import Machine
from .program import running

_UMASK = 0o022


def main(argv: Sequence[str]) -> int:
    """Runs the program; returns its exit status: 0 good, 1 something is wrong, 2 not understood."""
    os.umask(_UMASK)
    if list(argv[1:]) == ["serve"]:
        return _serve()
    arguments = _parser().parse_args(argv[1:])
    machine = Machine()
    if os.geteuid() != 0:
        print("soundstage: needs root: run it with sudo", file=sys.stderr)
        return 1
    try:
        if arguments.word == "status":
            return status.show(machine, sys.stdout, as_json=arguments.json)
        if arguments.word == "maintenance":
            return maintenance.switch(machine, sys.stdout, arguments.mode, arguments.server)
        host = operations.Host(machine, running())
        for note in recovery.recover(machine, host.dpkg, arguments.role, _say, booting=arguments.boot):
            _say(note)
    except (Failure, OSError) as error:
        _say(str(error))
        return 1
    return 0


def _serve() -> int:
    host = operations.Host(Machine(), running())
    server = serve.Server(lambda request, progress: operations.answer(host, request, progress), serve.EVENTS)
    # Read once before a request's child starts, dpkg's data base is known to all of them.
    server.before_fork = lambda: host.dpkg.refresh(host.machine)
    server.run({"program": host.program.name if host.program else "", "python": platform.python_version()})
    return 0


def _say(text: str) -> None:
    print(f"soundstage: {text}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="soundstage", description="What Soundstage manages on this host.")
    words = parser.add_subparsers(dest="word", required=True, metavar="WORD")
    shown = words.add_parser("status", help="what is managed here and how it is; exit status 1 when something is wrong")
    shown.add_argument("--json", action="store_true", help="the same for programs")
    mode = words.add_parser("maintenance", help="take a server out of this host's HAProxy, or put it back")
    mode.add_argument("mode", choices=["on", "off", "show"])
    mode.add_argument("server", nargs="?", default="", metavar="BACKEND/SERVER", help="for example web/app1-8001")
    again = words.add_parser("recover", help="undo changes that were interrupted or not confirmed")
    again.add_argument("--role", help="the role whose time to be confirmed is over")
    again.add_argument("--boot", action="store_true", help="before the daemons start: waits for nothing")
    words.add_parser("serve", help="answer a controller: JSON lines on stdin and stdout")
    return parser
