"""One appended value as a line of text: `<CRC-32 of the rest, 8 hex digits> ["key","value"]`.

A line is good only with its line feed and its checksum, so that a line cut short anywhere is known as such.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import cast

MAX_KEY_BYTES = 1024
MAX_VALUE_BYTES = 256 * 1024
_CHECKSUM_DIGITS = 8


class RefusedError(Exception):
    """The key or the value is not one that can be stored; the message says why."""


@dataclass(frozen=True)
class Record:
    """A value appended to a key."""

    key: str
    value: str


def _checked(name: str, text: str, maximum: int) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise RefusedError(f"the {name} is not valid Unicode text") from None
    if size > maximum:
        raise RefusedError(f"the {name} has {size} bytes, at most {maximum} are allowed")


def check_key(key: str) -> None:
    """Raises RefusedError unless `key` is 1 to MAX_KEY_BYTES bytes of Unicode text."""
    if not key:
        raise RefusedError("the key is empty")
    _checked("key", key, MAX_KEY_BYTES)


def check(record: Record) -> None:
    """Raises RefusedError unless the record can be stored."""
    check_key(record.key)
    _checked("value", record.value, MAX_VALUE_BYTES)


def encode(record: Record) -> bytes:
    """The line of a record, with its line feed."""
    body = json.dumps([record.key, record.value], separators=(",", ":")).encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(body), body)


def decode(line: bytes) -> Record | None:
    """The record of a line, or None when the line is cut short or damaged."""
    checksum, space, rest = line.partition(b" ")
    body = rest[:-1]
    if not (space and rest.endswith(b"\n") and len(checksum) == _CHECKSUM_DIGITS):
        return None
    if checksum != b"%08x" % zlib.crc32(body):
        return None
    key, value = cast("tuple[str, str]", json.loads(body))
    return Record(key, value)
