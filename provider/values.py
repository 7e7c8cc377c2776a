"""Pulumi's property values and plain ones, with the marks for secret and unknown kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias, cast

from pulumi.provider.experimental.property_value import PropertyValue

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"
"""A JSON value."""

Properties: TypeAlias = Mapping[str, PropertyValue]

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What the engine sends in a preview for a text that is known only after apply."""


def plain(value: PropertyValue) -> Plain:
    """The value without marks; whole numbers become int, unknown stays the text UNKNOWN."""
    inner = value.value
    if inner is None or isinstance(inner, (bool, str)):
        return inner
    if isinstance(inner, float):
        return int(inner) if inner.is_integer() else inner
    if isinstance(inner, Mapping):
        return {key: plain(item) for key, item in inner.items()}
    if isinstance(inner, Sequence):
        return [plain(item) for item in inner]
    raise TypeError(f"a {value.type.value.lower()} cannot stand in a property of this plugin")


def plain_map(properties: Properties) -> dict[str, Plain]:
    """`plain` of every property."""
    return {key: plain(value) for key, value in properties.items()}


def dressed(value: Plain, like: PropertyValue | None = None) -> PropertyValue:
    """The property value of `value`; what is secret in `like` is secret here, at the same place and below."""
    mark = like is not None and like.is_secret
    inner = like.value if like is not None else None
    if isinstance(value, dict):
        below: Properties = inner if isinstance(inner, Mapping) else {}
        return PropertyValue({key: dressed(item, below.get(key)) for key, item in value.items()}, is_secret=mark)
    if isinstance(value, list):
        beside = cast("Sequence[PropertyValue]", inner) if isinstance(inner, tuple) else ()
        hidden = any(item.contains_secret() for item in beside)
        return PropertyValue([dressed(item) for item in value], is_secret=mark or hidden)
    number = isinstance(value, int) and not isinstance(value, bool)
    return PropertyValue(float(cast("int", value)) if number else value, is_secret=mark)


def dressed_map(values: Mapping[str, Plain]) -> dict[str, PropertyValue]:
    """`dressed` of every value, none of them secret."""
    return {key: dressed(value) for key, value in values.items()}


def field(value: PropertyValue | None, key: str) -> PropertyValue | None:
    """The property `key` of a map, None when there is no such thing; a secret map hands its mark down."""
    if value is None or not isinstance(value.value, Mapping):
        return None
    found = value.value.get(key)
    return found.with_secret(True) if found is not None and value.is_secret else found


def as_map(value: Plain) -> dict[str, Plain]:
    """The value when it is a map, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_text(value: Plain) -> str:
    """The value when it is a text, else an empty one."""
    return value if isinstance(value, str) else ""


def as_number(value: Plain, otherwise: float) -> float:
    """The value when it is a number, else `otherwise`."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else otherwise


def as_texts(value: Plain) -> list[str]:
    """The texts of a list; empty when it is no list."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def secret_texts(value: PropertyValue, *, inside: bool = False) -> Iterator[str]:
    """Every text that is secret, by its own mark or by one above it."""
    hidden = inside or value.is_secret
    inner = value.value
    if isinstance(inner, str):
        if hidden and inner != UNKNOWN:
            yield inner
    elif isinstance(inner, Mapping):
        for item in inner.values():
            yield from secret_texts(item, inside=hidden)
    elif isinstance(inner, Sequence):
        for item in inner:
            yield from secret_texts(item, inside=hidden)
