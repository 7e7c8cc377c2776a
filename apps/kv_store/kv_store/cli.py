"""The command line of the store, for any operating system: `storage.py --key K [--val V] [--file F]`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from kv_store.lock import BusyError
from kv_store.record import RefusedError
from kv_store.store import FullError, Store


def default_file() -> Path:
    """The user's own store: $STORAGE_FILE, or storage.json in the place where the system keeps application data."""
    given = os.environ.get("STORAGE_FILE")
    if given:
        return Path(given)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "kv-store" / "storage.json"


def main(arguments: list[str] | None = None) -> int:
    """Prints the values of a key, comma-separated in order (nothing for a missing key), or appends one.

    Returns the exit code: 0 when it is done, 1 when the file could not be used, 2 for a wrong call.
    """
    parser = argparse.ArgumentParser(prog="storage.py", description="Keeps values by key in a file; values append.")
    parser.add_argument("--key", required=True, help="the key to print or to append to")
    parser.add_argument("--val", help="the value to append; without it the key's values are printed")
    parser.add_argument("--file", type=Path, help=f"the file (default: $STORAGE_FILE, else {default_file()})")
    given = parser.parse_args(arguments)
    key: str = given.key
    value: str | None = given.val
    file: Path = given.file or default_file()
    store = Store(file)
    try:
        if value is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            store.append(key, value)
        elif values := store.get(key):
            _write(", ".join(values) + "\n")
    except RefusedError as problem:
        parser.error(str(problem))
    except (BusyError, FullError) as problem:
        print(f"storage.py: {problem}", file=sys.stderr)
        return 1
    except OSError as problem:
        print(f"storage.py: {file}: {problem.strerror}", file=sys.stderr)
        return 1
    return 0


def _write(text: str) -> None:
    """Prints `text` also where the terminal's encoding lacks a character of it."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
    sys.stdout.flush()
