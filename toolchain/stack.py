"""The commands `make` wraps around Pulumi: up, preview, drift, outputs, and forgetting the lab's state."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Mapping

from toolchain import drift, local_state, summary
from toolchain.cache import PROJECT
from toolchain.environment import LAB
from toolchain.failure import exit_code


def main() -> int:
    """Parse the command line and run it; returns Pulumi's exit code, or drift's 2."""
    parser = argparse.ArgumentParser(prog="toolchain.stack", description=__doc__)
    parser.add_argument("command", choices=("up", "preview", "drift", "outputs", "forget"))
    parser.add_argument("--stack", default=local_state.LAB_STACK)
    parser.add_argument("--diff", action="store_true", help="with the differing lines of every file")
    arguments = parser.parse_args()
    stack = str(arguments.stack)
    if arguments.command == "forget":
        return _forget()
    with local_state.opened(stack) as environment:
        match arguments.command:
            case "up":
                return _up(stack, environment)
            case "preview":
                return _preview(stack, environment, with_lines=arguments.diff)
            case "drift":
                return drift.show(stack, environment)
            case _:
                return _pulumi(stack, environment, "stack", "output", "--json")


def _up(stack: str, environment: Mapping[str, str]) -> int:
    local_state.break_dead_locks(stack)
    status = _pulumi(stack, environment, "up", "--yes", "--refresh", "--skip-preview", "--suppress-outputs")
    if status == 0 and stack == local_state.LAB_STACK:
        print(summary.of(environment))
    return status


def _forget() -> int:
    """After the hosts: the state, the passphrase and whatever else `.lab` holds."""
    if LAB.is_dir():
        shutil.rmtree(LAB)
    return 0


def _preview(stack: str, environment: Mapping[str, str], *, with_lines: bool) -> int:
    if local_state.is_empty(stack):
        print(f"{stack}: no state: everything is a create", flush=True)
    return _pulumi(stack, environment, "preview", *(["--diff"] if with_lines else []))


def _pulumi(stack: str, environment: Mapping[str, str], *arguments: str) -> int:
    command = ["pulumi", *arguments, "--stack", stack]
    return subprocess.run(command, cwd=PROJECT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(exit_code(main))
