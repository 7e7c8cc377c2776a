"""The stacks' states under `.lab`, for whoever has not chosen a backend; made without touching a committed file.

Pulumi writes the salt of a stack's passphrase into Pulumi.<stack>.yaml. The passphrase of the lab is generated, so its
salt means nothing to anybody else and is taken out again.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from toolchain.cache import PROJECT
from toolchain.environment import EXAMPLE_PASSPHRASE, PASSPHRASE, STATE, activated_path, backend_is_ours, variables
from toolchain.failure import Failure
from toolchain.progress import step

LAB_STACK = "lab"
_SALT = re.compile(r"^encryptionsalt:.*\n?", re.MULTILINE)


def stack_file(stack: str) -> Path:
    """The committed configuration of a stack."""
    return PROJECT / f"Pulumi.{stack}.yaml"


def stacks() -> list[str]:
    """The names of all committed stacks; the lab last, so that it is the selected one."""
    names = {path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in PROJECT.glob("Pulumi.*.yaml")}
    return sorted(names, key=lambda name: (name == LAB_STACK, name))


def ensure() -> None:
    """Make the local state of every stack that has none. Raises Failure with Pulumi's own words."""
    if not backend_is_ours():
        return
    missing = [stack for stack in stacks() if not _state_of(stack).is_file()]
    if missing:
        with step("making the local states"):
            for stack in missing:
                _make(stack)
            _pulumi(["stack", "select", LAB_STACK], PROJECT, {})


def forget_salt(stack: str = LAB_STACK) -> None:
    """Take the salt line out of the stack's file, if Pulumi put one in; nothing else in the file changes."""
    path = stack_file(stack)
    if path.is_file():
        text = path.read_text()
        if _SALT.search(text):
            path.write_text(_SALT.sub("", text))


def is_empty(stack: str) -> bool:
    """Whether the stack's local state holds nothing yet; False for a backend of the user's own."""
    return backend_is_ours() and '"resources"' not in _state_of(stack).read_text()


def break_dead_locks(stack: str) -> None:
    """Take away the locks of runs that were killed on this machine; whoever still runs keeps its own."""
    if not backend_is_ours():
        return
    for path in (STATE / ".pulumi" / "locks").glob(f"**/{stack}/*.json"):
        lock = json.loads(path.read_text())
        if lock["hostname"] == socket.gethostname() and not _is_pulumi(lock["pid"]):
            path.unlink(missing_ok=True)


def _is_pulumi(process: int) -> bool:
    try:
        return b"pulumi" in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False


@contextmanager
def opened(stack: str) -> Generator[dict[str, str]]:
    """The environment in which Pulumi works on the stack; what it writes into the lab's file goes again."""
    try:
        yield {**variables(activated_path()), **passphrase_for(stack)}
    finally:
        if stack == LAB_STACK and backend_is_ours():
            forget_salt()


def passphrase_for(stack: str) -> dict[str, str]:
    """The variable that opens a committed example whose user has not set a passphrase."""
    if stack == LAB_STACK or not _SALT.search(stack_file(stack).read_text()):
        return {}
    chosen = bool(os.environ.get("PULUMI_CONFIG_PASSPHRASE"))
    chosen_file = os.environ.get("PULUMI_CONFIG_PASSPHRASE_FILE") not in (None, "", str(PASSPHRASE))
    return {} if chosen or chosen_file else {"PULUMI_CONFIG_PASSPHRASE": EXAMPLE_PASSPHRASE}


def _make(stack: str) -> None:
    if stack == LAB_STACK:
        forget_salt()
    with tempfile.TemporaryDirectory() as directory:
        for path in (PROJECT / "Pulumi.yaml", stack_file(stack)):
            shutil.copy(path, directory)
        _pulumi(["stack", "init", stack, "--no-select"], Path(directory), passphrase_for(stack))


def _state_of(stack: str) -> Path:
    return STATE / ".pulumi" / "stacks" / "soundstage" / f"{stack}.json"


def _pulumi(arguments: list[str], directory: Path, extra: dict[str, str]) -> None:
    environment = {**variables(activated_path()), **extra}
    done = subprocess.run(
        ["pulumi", *arguments, "--non-interactive"],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Failure(f"pulumi {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
