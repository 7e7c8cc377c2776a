"""The one exception a command line of this project shows to a person, as one line."""

from __future__ import annotations

import sys
from collections.abc import Callable


class Failure(Exception):
    """Something a person has to know or to do; the text is the whole message."""


def exit_code(command: Callable[[], int]) -> int:
    """Run `command` and return its exit code; a Failure is printed and becomes 1, Ctrl-C becomes 130."""
    try:
        return command()
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
