"""The cache of everything that is fetched or built: outside the checkout, every entry named by what it was made from."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
"""The checkout."""


def cache_root() -> Path:
    """Where the cache is: $SOUNDSTAGE_CACHE, else soundstage in the user's cache directory."""
    chosen = os.environ.get("SOUNDSTAGE_CACHE")
    if chosen:
        return Path(chosen).resolve()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "soundstage"


def key_of(*parts: str | bytes) -> str:
    """16 hexadecimal digits that change with any of `parts`."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(f"{len(data)} ".encode() + data)
    return digest.hexdigest()[:16]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, waiting for whoever has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def entry(kind: str, name: str, build: Callable[[Path], None]) -> Path:
    """The cache directory `kind`/`name`; `build` fills it if it is not there yet.

    `build` gets an empty directory that takes its final name only when it is complete, so a crash leaves no half
    entry; two processes build it once.
    """
    final = cache_root() / kind / name
    if final.is_dir():
        return final
    with locked(final.with_name(f".{name}.lock")):
        if not final.is_dir():
            part = final.with_name(f".{name}.part")
            if part.exists():
                shutil.rmtree(part)
            part.mkdir(parents=True)
            build(part)
            part.rename(final)
    return final
