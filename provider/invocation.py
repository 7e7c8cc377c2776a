"""Which pulumi command this plugin serves: it decides what an unreachable host means while hosts are read.

An error while reading ends `up --refresh` before anything is updated, so there a host that is off must not be one:
its roles are marked and the update that follows raises. Nothing follows in `pulumi refresh`, which exits with 0
whatever is logged; there the error itself must be returned, in the last phase: the engine finishes and saves the
other reads then, while an error in its preview phase would stop it before it has begun.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

_COMMANDS = ("up", "update", "refresh", "destroy", "preview", "import", "watch")
_ONE_PHASE = {"--skip-preview", "-f", "--preview-only"}


@dataclass(frozen=True)
class Caller:
    """The engine: where it listens, its process and its command line."""

    address: str
    process: int
    arguments: tuple[str, ...]

    @classmethod
    def of_this_process(cls, address: str) -> Caller:
        """The engine that started this process."""
        return cls(address, os.getppid(), _parent_arguments())


def _parent_arguments() -> tuple[str, ...]:
    process = Path(f"/proc/{os.getppid()}/cmdline")
    if process.exists():
        return tuple(process.read_text(encoding="utf-8", errors="replace").rstrip("\0").split("\0"))
    listing = subprocess.run(
        ["ps", "-o", "args=", "-p", str(os.getppid())], capture_output=True, text=True, check=False
    )
    return tuple(listing.stdout.split())


class Invocation:
    """The command that runs; `notes` is a directory of this user where one phase leaves a note for the next."""

    def __init__(self, caller: Caller, notes: Path) -> None:
        self._refresh = next((word for word in caller.arguments[1:] if word in _COMMANDS), "") == "refresh"
        self._one_phase = any(argument.split("=", 1)[0] in _ONE_PHASE for argument in caller.arguments)
        self._note = notes / f"refresh-{caller.process}"

    def nothing_follows_this_read(self) -> bool:
        """True in the last phase of `pulumi refresh`. Called only when a host could not be read."""
        if not self._refresh or self._one_phase:
            return self._refresh
        if self._note.exists() and self._note.read_text(encoding="utf-8") != str(os.getpid()):
            return True
        self._note.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._note.write_text(str(os.getpid()), encoding="utf-8")
        return False

    def forget_finished_runs(self) -> None:
        """Removes the notes of runs that are over."""
        for note in self._note.parent.glob("[a-z]*-[0-9]*"):
            if not _alive(int(note.name.split("-")[1])):
                note.unlink(missing_ok=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
