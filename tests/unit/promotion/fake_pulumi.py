"""A `pulumi` that says what a test wrote down for it and remembers how it was called."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from toolchain import local_state

_PROGRAM = """#!/bin/sh
for word in "$@"; do
  [ "$previous" = --stack ] && stack=$word
  previous=$word
done
echo "$stack $*" >>"$FAKE/calls"
said=$FAKE/$stack.$1
[ -e "$said.err" ] && cat "$said.err" >&2
[ -e "$said.out" ] && cat "$said.out"
[ -e "$said.code" ] && exit "$(cat "$said.code")"
exit 0
"""


@dataclass(frozen=True)
class FakePulumi:
    """What it says is in files beside it."""

    root: Path

    @classmethod
    def install(cls, root: Path, monkeypatch: pytest.MonkeyPatch) -> FakePulumi:
        """The only pulumi there is for this test."""
        (root / "bin").mkdir(parents=True)
        program = root / "bin" / "pulumi"
        program.write_text(_PROGRAM)
        program.chmod(0o755)

        @contextmanager
        def opened(stack: str) -> Generator[dict[str, str]]:
            yield {"PATH": f"{root}/bin{os.pathsep}{os.environ['PATH']}", "FAKE": str(root)}

        monkeypatch.setattr(local_state, "opened", opened)
        monkeypatch.setattr(local_state, "backend_is_ours", lambda: False)
        return cls(root)

    def says(self, stack: str, command: str, out: str = "", *, code: int = 0, err: str = "") -> None:
        """What `pulumi command --stack stack` prints, and its exit code."""
        for suffix, text in (("out", out), ("err", err), ("code", str(code))):
            (self.root / f"{stack}.{command}.{suffix}").write_text(text)

    @property
    def calls(self) -> list[str]:
        """`stack command` of every call, in order."""
        return [" ".join(line.split()[:2]) for line in self.lines]

    @property
    def lines(self) -> list[str]:
        """Every call with all its arguments, after its stack."""
        path = self.root / "calls"
        return path.read_text().splitlines() if path.exists() else []
