"""Keeps the run's secrets out of every message."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pulumi.provider.experimental.property_value import PropertyValue

from provider.values import secret_texts

HIDDEN = "[secret]"

_SHORTEST_TEXT = 4
_SHORTEST_LINE = 8
_SHORTEST_WORD = 16
"""Passwords and keys of this project are longer; shorter words of a secret file are its plain syntax."""


class Redaction:
    """Remembers every secret text that passed through the plugin and replaces it, also in parts."""

    def __init__(self) -> None:
        self._texts: set[str] = set()

    def learn(self, properties: Mapping[str, PropertyValue]) -> None:
        """Takes in what is marked secret: whole texts, their lines, and long words in them."""
        for value in properties.values():
            for text in secret_texts(value):
                self._texts.update(part for part in _parts(text))

    def clean(self, message: str) -> str:
        """The message without any secret."""
        for text in sorted(self._texts, key=len, reverse=True):
            message = message.replace(text, HIDDEN)
        return message


def _parts(text: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines()]
    words = re.split(r"[\s\"'=:;,<>]+", text)
    return [
        *(part for part in (text, text.strip()) if len(part) >= _SHORTEST_TEXT),
        *(line for line in lines if len(line) >= _SHORTEST_LINE),
        *(word for word in words if len(word) >= _SHORTEST_WORD),
    ]
