"""A checkout of its own with a lab of its own, so that a test neither meets nor disturbs the user's lab."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, TypeVar, cast

import yaml

T = TypeVar("T")

PROJECT = Path(__file__).parents[3]
_INHERITED = ("LAB_DIR", "MAKE", "MFLAGS", "PULUMI_", "PYTHONPATH", "VIRTUAL_ENV")
"""How variables begin that the calling `make test` has set for itself; the checkout's own commands make theirs."""


class Outputs(TypedDict):
    """What scripts read from `make -s outputs`."""

    virtual_ip: str
    web_url: str
    statistics_url: str
    statistics_user: str
    key_value_url: str
    hosts: Mapping[str, Mapping[str, object]]


@dataclass(frozen=True)
class Checkout:
    """A copy of the project's files in `root`."""

    root: Path

    @classmethod
    def copy(cls, to: Path) -> Checkout:
        """The tracked and new files of this project, copied to the directory `to`."""
        listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listing, cwd=PROJECT, check=True, capture_output=True, text=True).stdout
        for name in filter(None, names.split("\0")):
            if (PROJECT / name).is_file():
                (to / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(PROJECT / name, to / name, follow_symlinks=False)
        return cls(to)

    def make(self, *targets: str, expect: int = 0, seconds: float = 600) -> str:
        """Run `make`, which must end with the exit code `expect` (of the command it wraps); everything it printed."""
        done = self._run(["make", *targets], seconds)
        text = _plain(done.stdout)
        # make itself turns every failure into 2 and names the real code in its last lines.
        named = re.findall(r"Error (\d+)", text)
        code = int(named[-1]) if done.returncode and named else done.returncode
        assert code == expect, f"make {' '.join(targets)} ended with {code}, expected {expect}:\n{text}"
        return text

    def pulumi(self, arguments: str, expect: int = 0, seconds: float = 600, stdin: str = "") -> str:
        """Run `pulumi` as a user does after `source .lab/activate`; everything it printed."""
        command = ["bash", "-c", f"source .lab/activate && pulumi {arguments} --non-interactive"]
        done = self._run(command, seconds, stdin)
        text = _plain(done.stdout)
        assert done.returncode == expect, f"pulumi {arguments} ended with {done.returncode}, expected {expect}:\n{text}"
        return text

    def start(self, command: str) -> subprocess.Popen[str]:
        """Start a command in a session of its own, after `source .lab/activate`."""
        return subprocess.Popen(
            ["bash", "-c", f"source .lab/activate && exec {command}"],
            cwd=self.root,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def lab(self, *arguments: str) -> str:
        """Run `./lab/lab`, which must succeed."""
        done = self._run(["./lab/lab", *arguments], 120)
        assert done.returncode == 0, f"lab {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout

    def on(self, host: str, command: str, expect: int | None = 0, stdin: str = "") -> str:
        """Run a shell command as root on the host, past its network; what it printed."""
        done = self._run(["./lab/lab", "exec", host, "--", "sh", "-c", command], 120, stdin)
        ok = expect is None or done.returncode == expect
        assert ok, f"{host}: {command} ended with {done.returncode}, expected {expect}:\n{done.stdout}"
        return done.stdout.strip()

    def outputs(self) -> Outputs:
        """The stack's outputs."""
        return json.loads(self.make("-s", "outputs"))

    @contextmanager
    def config(self, **sections: object) -> Generator[None]:
        """The stack's configuration with each of these sections merged in, put back afterwards."""
        path = self.root / "Pulumi.lab.yaml"
        original = path.read_text()
        document = cast("dict[str, dict[str, object]]", yaml.safe_load(original))
        config = document["config"]
        for section, value in sections.items():
            key = f"soundstage:{section}"
            merged = {**_mapping(config.get(key)), **_mapping(value)}
            config[key] = merged or value
        path.write_text(yaml.safe_dump(document))
        try:
            yield
        finally:
            path.write_text(original)

    @contextmanager
    def edited(self, file: str, old: str, new: str) -> Generator[None]:
        """A file of the checkout with `old`, which must stand in it once, replaced by `new`; put back afterwards."""
        path = self.root / file
        original = path.read_text()
        assert original.count(old) == 1, f"{file} holds {old!r} {original.count(old)} times"
        path.write_text(original.replace(old, new))
        try:
            yield
        finally:
            path.write_text(original)

    def _run(self, argv: list[str], seconds: float, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            argv,
            cwd=self.root,
            env=self._environment(),
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )

    def _environment(self) -> dict[str, str]:
        return {key: value for key, value in os.environ.items() if not key.startswith(_INHERITED)}


def eventually(question: Callable[[], T], seconds: float, what: str) -> T:
    """Ask until the answer is true; it. Raises AssertionError naming `what` when the time is over."""
    end = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        assert time.monotonic() < end, f"not within {seconds:g} s: {what} (last answer: {answer!r})"
        time.sleep(0.1)  # the pace of asking, not a wait for something to have happened


def _mapping(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)
