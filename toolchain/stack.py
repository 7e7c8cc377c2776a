"""The commands `make` wraps around Pulumi: up, preview, drift, outputs, copies of a state, forgetting the lab's."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from toolchain import drift, local_state, state_copy, summary
from toolchain.cache import PROJECT
from toolchain.environment import LAB
from toolchain.failure import Failure, exit_code

_Command = Callable[[str, Mapping[str, str], argparse.Namespace], int]


def main() -> int:
    """Parse the command line and run it; returns Pulumi's exit code, or drift's 2."""
    parser = argparse.ArgumentParser(prog="toolchain.stack", description=__doc__)
    commands: Mapping[str, _Command] = {
        "up": lambda stack, environment, _: _up(stack, environment),
        "preview": lambda stack, environment, given: _preview(stack, environment, with_lines=given.diff),
        "drift": lambda stack, environment, _: drift.show(stack, environment),
        "outputs": lambda stack, environment, _: _pulumi(stack, environment, "stack", "output", "--json"),
        "state-export": lambda stack, environment, given: _state_export(stack, environment, given.file),
        "state-import": lambda stack, environment, given: _state_import(stack, environment, given.file),
    }
    parser.add_argument("command", choices=(*commands, "forget"))
    parser.add_argument("--stack", default=local_state.LAB_STACK)
    parser.add_argument("--file", type=Path, help="where the copy of the state is (STACK.state)")
    parser.add_argument("--diff", action="store_true", help="with the differing lines of every file")
    arguments = parser.parse_args()
    stack = str(arguments.stack)
    if arguments.command == "forget":
        return _forget()
    with local_state.opened(stack) as environment:
        return commands[arguments.command](stack, environment, arguments)


def _up(stack: str, environment: Mapping[str, str]) -> int:
    local_state.break_dead_locks(stack)
    status = _pulumi(stack, environment, "up", "--yes", "--refresh", "--skip-preview", "--suppress-outputs")
    if status == 0 and stack == local_state.LAB_STACK:
        print(summary.of(environment))
    return status


def _state_export(stack: str, environment: Mapping[str, str], file: Path | None) -> int:
    target = file or _copy_of(stack)
    if stack != local_state.LAB_STACK and state_copy.is_kept_here_only(environment):
        raise Failure("set PULUMI_CONFIG_PASSPHRASE: the copy would open only with a passphrase that is lost with .lab")
    state_copy.take(stack, target, environment)
    print(f"{target}: the state of {stack}, encrypted with the stack's passphrase; keep both, not in one place")
    return 0


def _state_import(stack: str, environment: Mapping[str, str], file: Path | None) -> int:
    state_copy.put_back(stack, file or _copy_of(stack), environment)
    print(f"{stack} has its state again; make drift STACK={stack} says whether the hosts are as it knows them")
    return 0


def _copy_of(stack: str) -> Path:
    return PROJECT / f"{stack}.state"


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
