"""Where on this host one of the given texts stands. Standard library only; the request comes on standard input."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator

_LARGEST = 256 * 2**20


_JOURNALS = ("/var/log/journal/", "/run/log/journal/")
"""Searched as what it says, not as its files."""


def _regular_files(places: "list[str]") -> "Iterator[tuple[str, int]]":
    for place in places:
        for folder, _, names in os.walk(place):
            if folder.startswith(_JOURNALS):
                continue
            for name in names:
                path = os.path.join(folder, name)  # noqa: PTH118 - hosts may have many files; strings are enough
                try:
                    status = os.lstat(path)
                except FileNotFoundError:
                    continue
                if stat.S_ISREG(status.st_mode) and status.st_size <= _LARGEST:
                    yield path, status.st_mode


def _contains(text: bytes, needles: "list[bytes]") -> bool:
    return any(needle in text for needle in needles)


def _main() -> None:
    request = json.load(sys.stdin)
    needles = [needle.encode() for needle in request["needles"]]
    journal = subprocess.run(
        ["journalctl", "--no-pager", "--all", "--output=export"], stdout=subprocess.PIPE, check=True
    )
    if _contains(journal.stdout, needles):
        print("journal")
    for only_shared, places in ((False, request["forbidden"]), (True, request["private"])):
        for path, mode in _regular_files(places):
            if only_shared and not mode & stat.S_IROTH:
                continue
            try:
                with open(path, "rb") as file:
                    if _contains(file.read(), needles):
                        print(path)
            except FileNotFoundError:
                continue


if __name__ == "__main__":
    _main()
