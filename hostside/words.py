"""The words a person may say on a host: status, maintenance, recover, compile."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from . import compiled, maintenance, recovery, status
from .failure import Failure
from .machine import Machine
from .packages import Packages


def understand(words: Sequence[str]) -> int:
    """Does what the words say; returns the exit status."""
    arguments = _parser().parse_args(words)
    machine = Machine()
    if os.geteuid() != 0:
        print("soundstage: needs root: run it with sudo", file=sys.stderr)
        return 1
    try:
        if arguments.word == "status":
            return status.show(machine, sys.stdout, as_json=arguments.json)
        if arguments.word == "maintenance":
            return maintenance.switch(machine, sys.stdout, arguments.mode, arguments.server)
        if arguments.word == "compile":
            compiled.keep(machine, os.path.realpath(sys.argv[0]))
            return 0
        for note in recovery.recover(machine, Packages(), arguments.role, _say, booting=arguments.boot):
            _say(note)
    except (Failure, OSError) as error:
        _say(str(error))
        return 1
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
    words.add_parser("compile", help="keep this program's bytecode beside it, so that sessions start sooner")
    words.add_parser("serve", help="answer a controller: JSON lines on stdin and stdout")
    return parser
