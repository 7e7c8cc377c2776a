"""What went wrong, said without a secret."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .values import File

_HIDDEN = "[hidden]"
_SHORTEST_SECRET = 6


class Failure(Exception):
    """A step that did not work. `journal` holds the unit's last lines when a unit is involved."""

    def __init__(self, step: str, message: str, journal: str = "") -> None:
        super().__init__(f"{step}: {message}")
        self.step = step
        self.message = message
        self.journal = journal


class Secrets:
    """Hides what the private files of a role hold from everything that leaves the host as text."""

    def __init__(self, files: Iterable[File]) -> None:
        words: set[str] = set()
        for file in files:
            if int(file.mode, 8) & 0o007 == 0:
                for line in file.content.splitlines():
                    words.add(line.strip())
                    words.update(re.split(r"[\s\"'=:,;]+", line))
        self._words = sorted((word for word in words if len(word) >= _SHORTEST_SECRET), key=len, reverse=True)

    def hide(self, text: str) -> str:
        """The text with every secret replaced."""
        for word in self._words:
            text = text.replace(word, _HIDDEN)
        return text
