"""A host's file system with our packages and any of our roles laid over it: what the daemons' checkers see."""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import image
from lab.shell import output
from roles.model import Role
from tests.unit.roles.golden import text
from tests.unit.roles.samples import SAMPLES
from toolchain.cache import entry, key_of
from toolchain.progress import step

_HERE = Path(__file__).parent
_NAMESPACES = ("unshare", "--mount", "--net", "--propagation", "private")
_ENDS_WITH_IT = ("--pid", "--fork", "--kill-child")
"""Whatever a command leaves running ends with it."""
_PACKAGES = sorted({package for role in SAMPLES.values() for package in role.packages})


@dataclass(frozen=True)
class Answer:
    """How a command on the host ended, and all that it said."""

    status: int
    said: str


def packages() -> str:
    """The overlay's lower directories: our packages over the lab's base image."""
    base = image.ensure()
    install = _HERE / "install.sh"
    key = key_of(str(base), *_PACKAGES, install.read_bytes())

    def build(part: Path) -> None:
        for name in ("upper", "work", "root"):
            (part / name).mkdir()
        with step("installing the packages of all roles for their checkers (once)"):
            output([*_NAMESPACES, "sh", str(install), str(base), str(part), image.ARCHIVE, *_PACKAGES])

    return f"{entry('validate', key, build) / 'upper'}:{base / 'root'}"


def ask(
    lower: str, roles: Sequence[Role], argv: Sequence[str], setup: str = "", extra: dict[str, str] | None = None
) -> Answer:
    """Runs `argv` on a host that has `roles`; `extra` files come last. Starting with `outside`, beside the host."""
    with tempfile.TemporaryDirectory() as directory:
        upper, work, root = (Path(directory) / name for name in ("upper", "work", "root"))
        for path in (upper, work, root):
            path.mkdir(mode=0o755)
        commands = ["set -e", "mkdir -p /run/sshd"]
        for role in roles:
            commands += _lay(role, upper)
        for path, content in (extra or {}).items():
            (upper / path.lstrip("/")).write_text(content)
        commands.append(setup or ":")
        enter = ["sh", str(_HERE / "enter.sh"), lower, str(upper), str(work), str(root), "\n".join(commands)]
        done = subprocess.run(
            [*_NAMESPACES, *_ENDS_WITH_IT, *enter, *argv],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
    return Answer(done.returncode, done.stdout)


def _lay(role: Role, upper: Path) -> list[str]:
    """Puts the role's files into the overlay; returns the commands that need the host's accounts."""
    commands = [f"useradd --system --user-group {shlex.quote(user)}" for user in role.users]
    for path in role.directories:
        (upper / path.lstrip("/")).mkdir(parents=True, exist_ok=True)
    for path, file in role.files.items():
        target = upper / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text(file.content))
        target.chmod(int(file.mode, 8))
        commands.append(f"chown {file.owner}:{file.group} {shlex.quote(path)}")
    return commands
