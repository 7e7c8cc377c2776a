"""`make check`'s eye on .github/workflows: actionlint, built from its pinned Go module when something asks for it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from toolchain.cache import PROJECT, entry
from toolchain.failure import Failure, exit_code
from toolchain.go_module import GoTool, build, compiler_for

WORKFLOWS = PROJECT / ".github" / "workflows"
_TOOL = GoTool("actionlint", "github.com/rhysd/actionlint/cmd/actionlint", ("-ldflags=-s -w",))


def main() -> int:
    """Check every workflow; returns 1 and prints what is wrong, by line."""
    found = problems(sorted(WORKFLOWS.glob("*.yml")))
    if found:
        print(found)
    return 1 if found else 0


def problems(workflows: Sequence[Path]) -> str:
    """What actionlint says of these files; empty when all is well. Raises Failure if it cannot be built or run."""
    # Only its own rules: what else it would run depends on what the machine has.
    command = [str(actionlint()), "-no-color", "-shellcheck=", "-pyflakes=", *map(str, workflows)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise Failure(f"actionlint ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout.strip()


def actionlint() -> Path:
    """The program; built once, in seconds."""
    return entry("tools", f"actionlint-{_TOOL.key}", _build) / _TOOL.name


def _build(part: Path) -> None:
    build(compiler_for(_TOOL, "actionlint is not built yet", "install "), _TOOL, part / _TOOL.name)


if __name__ == "__main__":
    sys.exit(exit_code(main))
