"""A Pulumi stack as a measurement uses it: the same commands a person types after `source .lab/activate`."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from time import monotonic
from typing import cast

from toolchain.cache import PROJECT
from toolchain.failure import Failure

UP_SECONDS = 900
_NAMESPACE = "soundstage:"
_MARKUP = re.compile(r"\x1b\[[0-9;]*m")


def activated() -> dict[str, str]:
    """The environment after `source .lab/activate`. Raises Failure when there is no such file."""
    script = PROJECT / ".lab" / "activate"
    if not script.is_file():
        raise Failure("there is no platform to measure: make up")
    done = subprocess.run(
        ["bash", "-c", f'set -e; source "{script}" >&2; env -0'], capture_output=True, text=True, check=True
    )
    pairs = (entry.partition("=") for entry in done.stdout.split("\0") if entry)
    return {name: value for name, _, value in pairs}


@dataclass(frozen=True)
class Run:
    """One run of a command: how long it took (wall clock), how it ended, what it printed, its processor time."""

    seconds: float
    status: int
    text: str
    cpu_seconds: float = 0

    @property
    def changes(self) -> Mapping[str, int]:
        """The closing count, as `{"unchanged": 25, "updated": 1}`."""
        tail = self.text.rpartition("Resources:")[2]
        return {
            word: int(number)
            for number, word in re.findall(r"(\d+) (unchanged|updated|created|deleted|replaced)", tail)
        }


class Stack:
    """The stack `name` of the project in `directory`."""

    def __init__(
        self, directory: Path = PROJECT, name: str = "lab", environment: Mapping[str, str] | None = None
    ) -> None:
        self.directory = directory
        self.name = name
        self.environment = {**activated(), **(environment or {})}

    def pulumi(self, *argv: str, seconds: float = UP_SECONDS, prefix: Sequence[str] = ()) -> Run:
        """Runs one command against this stack; a status other than 0 is part of the answer."""
        return timed([*prefix, *self.command(*argv)], self.directory, self.environment, seconds)

    def command(self, *argv: str) -> list[str]:
        """The command line of one command against this stack."""
        return ["pulumi", *argv, "--stack", self.name, "--non-interactive", "--color", "never"]

    def up(self, *argv: str) -> Run:
        """`pulumi up --refresh`, without questions. Raises Failure when it fails."""
        return succeeded(self.pulumi("up", "--refresh", "--yes", "--skip-preview", *argv))

    @cached_property
    def outputs(self) -> Mapping[str, object]:
        """The stack's outputs, secrets hidden."""
        run = succeeded(self.pulumi("stack", "output", "--json"))
        return cast("dict[str, object]", json.loads(run.text))

    def text_output(self, name: str) -> str:
        """An output that is a text. Raises Failure when there is none."""
        value = self.outputs.get(name)
        if not isinstance(value, str):
            raise Failure(f"the stack {self.name} has no output {name!r}: is the platform up?")
        return value

    def configured(self, path: str) -> str:
        """A configured value by its path (`virtual_ip.primary`). Raises Failure when it is not set."""
        return succeeded(self.pulumi("config", "get", "--path", f"{_NAMESPACE}{path}")).text.strip()

    def write_changed(self, target: Path, changes: Mapping[str, str]) -> None:
        """Writes the stack's configuration, with some values replaced by path, to another file."""
        shutil.copy(self.directory / f"Pulumi.{self.name}.yaml", target)
        for path, value in changes.items():
            command = ("config", "set", "--path", f"{_NAMESPACE}{path}", value, "--config-file", str(target))
            succeeded(self.pulumi(*command))


def timed(command: Sequence[str], directory: Path, environment: Mapping[str, str], seconds: float = UP_SECONDS) -> Run:
    """Runs one command in `directory`; a status other than 0 is part of the answer."""
    begin, spent = monotonic(), ended_children_seconds()
    done = subprocess.run(
        command,
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=seconds,
    )
    return Run(monotonic() - begin, done.returncode, _MARKUP.sub("", done.stdout), ended_children_seconds() - spent)


def ended_children_seconds() -> float:
    """Processor time of every child of this process that has ended and was waited for."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def succeeded(run: Run) -> Run:
    """The run, if it ended with 0. Raises Failure with its last lines."""
    if run.status != 0:
        raise Failure("it failed:\n" + "\n".join(run.text.strip().splitlines()[-30:]))
    return run


def local_backend(directory: Path) -> dict[str, str]:
    """Environment of a state of its own under `directory`, encrypted with a passphrase generated there."""
    directory.mkdir(parents=True, exist_ok=True)
    passphrase = directory / "passphrase"
    if not passphrase.exists():
        passphrase.touch(0o600)
        passphrase.write_text(os.urandom(24).hex())
    (directory / "state").mkdir(exist_ok=True)
    return {
        "PULUMI_BACKEND_URL": f"file://{directory / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase),
    }
