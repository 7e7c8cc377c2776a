"""Readers that turn JSON values into typed ones and say everything that is wrong with them, all at once.

A reader takes (value, path, problems) and answers the typed value, or None after it has added what is wrong.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Callable, NamedTuple, Optional, TypeVar, cast

T = TypeVar("T")


class Problem(NamedTuple):
    """One thing that is wrong: the path inside the value (`files["/etc/x"].mode`) and a sentence."""

    path: str
    message: str


Problems = list[Problem]
Reader = Callable[[object, str, Problems], Optional[T]]


class Unreadable(ValueError):
    """A value that does not hold what it should; the text names every problem."""

    def __init__(self, found: Problems) -> None:
        super().__init__("; ".join(f"{path or 'the value'} {message}" for path, message in found))


def typed(reader: Reader[T], value: object, path: str = "") -> T:
    """What `reader` makes of the value. Raises Unreadable."""
    found: Problems = []
    read = reader(value, path, found)
    if read is None:
        raise Unreadable(found)
    return read


def below(path: str, key: str) -> str:
    """The path of a field inside `path`; map keys that are no plain names stand in brackets."""
    if re.fullmatch(r"[a-z_][a-z0-9_]*", key):
        return f"{path}.{key}" if path else key
    return f'{path}["{key}"]'


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def text(pattern: str = "", want: str = "a text", *, hidden: bool = False) -> Reader[str]:
    """A string that matches `pattern` as a whole; a `hidden` one never stands in a message."""
    compiled = re.compile(pattern or r"[\s\S]*")

    def read(value: object, path: str, problems: Problems) -> str | None:
        if isinstance(value, str) and compiled.fullmatch(value):
            return value
        given = "something else is given" if hidden else f"given is {_shown(value)}"
        problems.append(Problem(path, f"must be {want}; {given}"))
        return None

    return read


def one_of(*words: str) -> Reader[str]:
    """One of the given words."""
    return text("|".join(re.escape(word) for word in words), "one of " + ", ".join(words))


def number(low: float, high: float, *, whole: bool = False) -> Reader[float]:
    """A number from `low` to `high` (both included)."""

    def read(value: object, path: str, problems: Problems) -> float | None:
        # Pulumi's numbers are doubles on the wire: 8001.0 is the port 8001.
        if isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high:
            if not whole:
                return value
            if value == int(value):
                return int(value)
        kind = "a whole number" if whole else "a number"
        problems.append(Problem(path, f"must be {kind} from {low:g} to {high:g}; given is {_shown(value)}"))
        return None

    return read


def integer(low: float, high: float = 2**63) -> Reader[int]:
    """A whole number from `low` to `high` (both included)."""
    return cast("Reader[int]", number(low, high, whole=True))


def boolean(value: object, path: str, problems: Problems) -> bool | None:
    """True or false."""
    if isinstance(value, bool):
        return value
    problems.append(Problem(path, f"must be true or false; given is {_shown(value)}"))
    return None


def listing(item: Reader[T], *, least: int = 0) -> Reader[tuple[T, ...]]:
    """A list of at least `least` items."""

    def read(value: object, path: str, problems: Problems) -> tuple[T, ...] | None:
        if not isinstance(value, (list, tuple)):
            problems.append(Problem(path, f"must be a list; given is {_shown(value)}"))
            return None
        given = cast("Sequence[object]", value)
        if len(given) < least:
            problems.append(Problem(path, f"must hold at least {least} item(s)"))
            return None
        items = [item(each, f"{path}[{index}]", problems) for index, each in enumerate(given)]
        good = tuple(each for each in items if each is not None)
        return good if len(good) == len(items) else None

    return read


def mapping(key: Reader[str], item: Reader[T]) -> Reader[dict[str, T]]:
    """A map whose keys and values are read by the given readers."""

    def read(value: object, path: str, problems: Problems) -> dict[str, T] | None:
        if not isinstance(value, dict):
            problems.append(Problem(path, "must be a map"))
            return None
        good: dict[str, T] = {}
        before = len(problems)
        for name, each in cast("Mapping[object, object]", value).items():
            where = below(path, str(name))
            good_key = key(name, where, problems)
            good_item = item(each, where, problems)
            if good_key is not None and good_item is not None:
                good[good_key] = good_item
        return good if len(problems) == before else None

    return read


def record(
    make: Callable[..., T], fields: Mapping[str, Reader[object]], nullable: Sequence[str] = (), *, lenient: bool = False
) -> Reader[T]:
    """A dataclass read field by field; fields with a default may be missing.

    Unknown fields are problems; a `lenient` reader passes over them (what another version of us stored).
    """
    required = {
        each.name
        for each in dataclasses.fields(cast("type", make))
        if each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING
    }

    def read(value: object, path: str, problems: Problems) -> T | None:
        if not isinstance(value, dict):
            problems.append(Problem(path, "must be a map"))
            return None
        given = cast("dict[str, object]", value)
        before = len(problems)
        for name in () if lenient else sorted(given.keys() - fields.keys()):
            problems.append(Problem(below(path, name), "is not a field here; there are " + ", ".join(sorted(fields))))
        for name in sorted(required - given.keys()):
            problems.append(Problem(below(path, name), "is missing"))
        read_fields = {
            name: None if given[name] is None and name in nullable else reader(given[name], below(path, name), problems)
            for name, reader in fields.items()
            if name in given
        }
        return make(**read_fields) if len(problems) == before else None

    return read


def variant(tag: str, default: str, readers: Mapping[str, Reader[T]]) -> Reader[T]:
    """A map whose field `tag` says which of the readers reads it."""

    def read(value: object, path: str, problems: Problems) -> T | None:
        if not isinstance(value, dict):
            problems.append(Problem(path, "must be a map"))
            return None
        given = cast("dict[str, object]", value)
        kind = given.get(tag, default)
        if not isinstance(kind, str) or kind not in readers:
            problems.append(Problem(below(path, tag), f"must be one of {', '.join(readers)}; given is {_shown(kind)}"))
            return None
        return readers[kind](given, path, problems)

    return read


def anything(value: object, path: str, problems: Problems) -> object | None:
    """Any value, read later by somebody else."""
    if value is None:
        problems.append(Problem(path, "is missing"))
    return value
