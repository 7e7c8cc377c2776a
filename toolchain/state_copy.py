"""A copy of a stack's state in one encrypted file: taken, and put back where the state was lost.

The file is a line of JSON that says whose state it holds and how its key is derived, then the encrypted export. In
the export every secret is encrypted once more, by the stack's own secrets provider. The plain export is never on disk.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from toolchain.cache import PROJECT
from toolchain.environment import PASSPHRASE
from toolchain.failure import Failure

_KIND = "soundstage state, scrypt and AES-256-GCM"
_COST, _BLOCK, _PARALLEL = 2**17, 8, 1
"""Half a second and 128 MiB for each guess (OWASP's figures for scrypt)."""
_NONCE = bytes(12)
"""Every file has a salt, so a key, of its own."""


class Header(TypedDict):
    """The first line; it is authenticated with the rest."""

    kind: str
    stack: str
    taken: str
    salt: str


def take(stack: str, target: Path, environment: Mapping[str, str]) -> None:
    """Writes the state of `stack` to `target`, readable for its owner only. Raises Failure."""
    export = _pulumi(stack, environment, "export")
    if not json.loads(export)["deployment"].get("resources"):
        raise Failure(f"the stack {stack} has no state to keep: make up STACK={stack}")
    sealed = seal(export, stack, passphrase(environment), datetime.now(UTC))
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.new")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(sealed)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(fresh, target)


def put_back(stack: str, source: Path, environment: Mapping[str, str]) -> None:
    """Makes the state in `source` that of `stack`, which must have none. Raises Failure."""
    if json.loads(_pulumi(stack, environment, "export"))["deployment"].get("resources"):
        raise Failure(
            f"the stack {stack} has a state; it is not replaced. To do that: pulumi destroy, or stack rm first"
        )
    if not source.is_file():
        raise Failure(f"there is no file {source}: FILE=… names what `make state-export` wrote")
    _pulumi(stack, environment, "import", stdin=unseal(source.read_bytes(), stack, passphrase(environment)))


def seal(export: bytes, stack: str, phrase: str, taken: datetime) -> bytes:
    """The file's content."""
    salt = secrets.token_bytes(16)
    header = Header(
        kind=_KIND, stack=stack, taken=taken.isoformat(timespec="seconds"), salt=base64.b64encode(salt).decode()
    )
    line = json.dumps(header).encode()
    return line + b"\n" + AESGCM(_key(phrase, salt)).encrypt(_NONCE, export, line)


def unseal(content: bytes, stack: str, phrase: str) -> bytes:
    """The export in it. Raises Failure for another stack's, a wrong passphrase, or a file that was touched."""
    line, _, sealed = content.partition(b"\n")
    try:
        header: Header = json.loads(line)
        kind, owner, salt = header["kind"], header["stack"], base64.b64decode(header["salt"])
    except (ValueError, KeyError, TypeError):
        raise Failure("this is no file of `make state-export`") from None
    if kind != _KIND:
        raise Failure(f"the file is a {kind!r}; this version reads {_KIND!r}")
    if owner != stack:
        raise Failure(f"the file holds the state of the stack {owner}, not of {stack}")
    try:
        return AESGCM(_key(phrase, salt)).decrypt(_NONCE, sealed, line)
    except InvalidTag:
        raise Failure("the file does not open: another passphrase than at its export, or it was changed") from None


def passphrase(environment: Mapping[str, str]) -> str:
    """The stack's own passphrase: one secret opens the state and its copy. Raises Failure when there is none."""
    phrase = environment.get("PULUMI_CONFIG_PASSPHRASE", "")
    file = environment.get("PULUMI_CONFIG_PASSPHRASE_FILE", "")
    if not phrase and file:
        phrase = Path(file).read_text().strip()
    if not phrase:
        raise Failure("set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE: the copy is encrypted with it")
    return phrase


def is_kept_here_only(environment: Mapping[str, str]) -> bool:
    """Whether the passphrase is the generated one, which is lost with `.lab`."""
    chosen = environment.get("PULUMI_CONFIG_PASSPHRASE")
    return not chosen and environment.get("PULUMI_CONFIG_PASSPHRASE_FILE") == str(PASSPHRASE)


def _key(phrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=_COST, r=_BLOCK, p=_PARALLEL).derive(phrase.encode())


def _pulumi(stack: str, environment: Mapping[str, str], verb: str, stdin: bytes = b"") -> bytes:
    command = ["pulumi", "stack", verb, "--stack", stack, "--non-interactive"]
    done = subprocess.run(command, cwd=PROJECT, env=environment, input=stdin, capture_output=True, check=False)
    if done.returncode != 0:
        raise Failure(f"pulumi stack {verb}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout
