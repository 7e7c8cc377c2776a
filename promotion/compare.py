"""What differs between two stacks: nothing but their two files, key by key. Pure but for reading them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import cast

from ruamel.yaml import YAML

from toolchain import local_state
from toolchain.failure import Failure

_PREFIX = "soundstage:"
_NO_SETTING = {"encryptionsalt", "encryptedkey"}
"""Belongs to a stack's secrets: never the same, and never a reason for anything."""
_ABSENT, _SECRET = "(default)", "[secret]"
_WIDEST = 60


def compare(one: str, other: str) -> str:
    """A table of the keys whose values differ. Raises Failure if a stack has no file."""
    values, others = _settings(one), _settings(other)
    keys = sorted(values.keys() | others.keys())
    rows = [(key, values.get(key, _ABSENT), others.get(key, _ABSENT)) for key in keys]
    differing = [row for row in rows if row[1] != row[2] or row[1] == _SECRET]
    equal = len(rows) - len(differing)
    if not differing:
        return f"{one} and {other} have the same {equal} values"
    lines = [("", one, other), *differing]
    widths = [min(_WIDEST, max(len(line[column]) for line in lines)) for column in range(2)]
    table = "\n".join(f"{key:<{widths[0]}}  {value:<{widths[1]}}  {another}".rstrip() for key, value, another in lines)
    return f"{table}\n{equal} values are the same"


def _settings(stack: str) -> dict[str, str]:
    path = local_state.stack_file(stack)
    if not path.is_file():
        raise Failure(f"there is no stack {stack}; there are: {', '.join(local_state.stacks())}")
    document = cast(
        "Mapping[str, object]",
        YAML(typ="safe").load(path),  # pyright: ignore[reportUnknownMemberType] untyped there
    )
    config = cast("Mapping[str, object]", document.get("config") or {})
    settings = {key.removeprefix(_PREFIX): value for key, value in config.items()}
    top = {key: value for key, value in document.items() if key != "config" and key not in _NO_SETTING}
    return {key: text for name, value in {**settings, **top}.items() for key, text in _leaves(name, value)}


def _leaves(path: str, value: object) -> Iterator[tuple[str, str]]:
    """Every value with its path; lists of plain values are one value, because their order is their meaning."""
    if isinstance(value, Mapping):
        entries = cast("Mapping[str, object]", value)
        if "secure" in entries:
            yield path, _SECRET
        else:
            for key, item in entries.items():
                yield from _leaves(f"{path}.{key}", item)
    elif isinstance(value, str):
        yield path, value or '""'
    else:
        yield path, json.dumps(value)
