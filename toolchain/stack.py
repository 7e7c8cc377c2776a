"""The commands `make` wraps around Pulumi: up, preview, drift, outputs, and forgetting the lab's state."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys

from toolchain import drift, local_state, summary
from toolchain.cache import PROJECT
from toolchain.environment import LAB, activated_path, variables
from toolchain.failure import exit_code


def main() -> int:
    """Parse the command line and run it; returns Pulumi's exit code, or drift's 2."""
    parser = argparse.ArgumentParser(prog="toolchain.stack", description=__doc__)
    parser.add_argument("command", choices=("up", "preview", "drift", "outputs", "forget"))
    parser.add_argument("--stack", default=local_state.LAB_STACK)
    parser.add_argument("--diff", action="store_true", help="with the differing lines of every file")
    arguments = parser.parse_args()
    stack = str(arguments.stack)
    try:
        match arguments.command:
            case "up":
                return _up(stack)
            case "preview":
                return _preview(stack, with_lines=arguments.diff)
            case "drift":
                return drift.show(stack, _environment(stack))
            case "forget":
                return _forget()
            case _:
                return _pulumi(stack, "stack", "output", "--json")
    finally:
        if stack == local_state.LAB_STACK and local_state.backend_is_ours():
            local_state.forget_salt()


def _up(stack: str) -> int:
    local_state.break_dead_locks(stack)
    status = _pulumi(stack, "up", "--yes", "--refresh", "--skip-preview", "--suppress-outputs")
    if status == 0:
        print(summary.of(_environment(stack)))
    return status


def _forget() -> int:
    """After the hosts: the state, the passphrase and whatever else `.lab` holds."""
    if LAB.is_dir():
        shutil.rmtree(LAB)
    return 0


def _preview(stack: str, *, with_lines: bool) -> int:
    if local_state.is_empty(stack):
        print(f"{stack}: no state: everything is a create", flush=True)
    return _pulumi(stack, "preview", *(["--diff"] if with_lines else []))


def _pulumi(stack: str, *arguments: str) -> int:
    command = ["pulumi", *arguments, "--stack", stack]
    return subprocess.run(command, cwd=PROJECT, env=_environment(stack), check=False).returncode


def _environment(stack: str) -> dict[str, str]:
    return {**variables(activated_path()), **local_state.passphrase_for(stack)}


if __name__ == "__main__":
    sys.exit(exit_code(main))
