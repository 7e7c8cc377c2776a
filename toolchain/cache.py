"""The cache of all that is fetched or built: outside the checkout, every entry named by what it was made from."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
"""The checkout."""
_COMPLETE = ".complete"


def cache_root() -> Path:
    """Where the cache is: $SOUNDSTAGE_CACHE, else soundstage in the user's cache directory."""
    chosen = os.environ.get("SOUNDSTAGE_CACHE")
    if chosen:
        return Path(chosen).resolve()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "soundstage"


def path_of_the_machine() -> str:
    """PATH without what a `source .lab/activate` put there: what the machine itself has."""
    own = cache_root()
    return os.pathsep.join(part for part in os.environ["PATH"].split(os.pathsep) if own not in Path(part).parents)


def key_of(*parts: str | bytes) -> str:
    """16 hexadecimal digits that change with any of `parts`."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(f"{len(data)} ".encode() + data)
    return digest.hexdigest()[:16]


@contextmanager
def locked(path: Path) -> Generator[None]:
    """Hold the lock file `path`, waiting for whoever has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def is_complete(directory: Path) -> bool:
    """Whether this cache entry was built to its end."""
    return (directory / _COMPLETE).exists()


def entry(kind: str, name: str, build: Callable[[Path], None]) -> Path:
    """The cache directory `kind`/`name`; `build` fills it if it is not there yet.

    `build` gets an empty directory at its final place (an environment of Python cannot be moved). Only a marker makes
    it complete, so what a crash leaves is made anew; two processes build it once.
    """
    directory = cache_root() / kind / name
    if is_complete(directory):
        return directory
    with locked(directory.with_name(f".{name}.lock")):
        if not is_complete(directory):
            if directory.exists():
                shutil.rmtree(directory)
            directory.mkdir(parents=True)
            build(directory)
            (directory / _COMPLETE).touch()
    return directory
