"""What differs between two roles, element by element. Pure."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, cast

from hostside import values as hostside
from provider.values import Plain, as_map, as_text

Kind = Literal["add", "delete", "update"]

MAPS: Mapping[str, type | None] = {
    "packages": None,
    "users": hostside.User,
    "sysctl": None,
    "directories": hostside.Directory,
    "files": hostside.File,
    "artifacts": hostside.Artifact,
    "units": hostside.Unit,
}
"""The maps of a role and the type of their elements (None: a text)."""

WORDS_ONLY = {"units": {"reload_effect", "restart_effect"}, "artifacts": {"source"}}
"""Fields that say something to people or to the plugin but are never a difference."""

_PROBES: Mapping[str, type] = {
    "http": hostside.HttpProbe,
    "tcp": hostside.TcpProbe,
    "command": hostside.CommandProbe,
}


@dataclass(frozen=True)
class Difference:
    """One thing that differs. `section` and `key` name the element, `field` the part of it ("" for the whole)."""

    kind: Kind
    section: str
    key: str = ""
    field: str = ""

    @property
    def path(self) -> str:
        """The property path, for example `role.files["/etc/x"].content`."""
        return (
            "role." + self.section + (_index(self.key) if self.key else "") + (f".{self.field}" if self.field else "")
        )


def completed(role: Plain) -> dict[str, Plain]:
    """The role with every missing field at its default, so that roles written by older versions compare."""
    given = _filled(hostside.Role, as_map(role))
    for section, element in MAPS.items():
        if element is not None:
            given[section] = {key: _filled(element, as_map(item)) for key, item in as_map(given.get(section)).items()}
    units: dict[str, Plain] = {
        key: {**as_map(unit), "drain": _drain(as_map(unit).get("drain"))}
        for key, unit in as_map(given["units"]).items()
    }
    return {
        **given,
        "units": units,
        "requires": _filled(hostside.Requirements, as_map(given.get("requires"))),
        "verify": [_probe(probe) for probe in _items(given.get("verify"))],
        "validate_with": [_filled(hostside.Check, as_map(check)) for check in _items(given.get("validate_with"))],
    }


def differences(old: Plain, new: Plain) -> list[Difference]:
    """From `old` to `new`, sorted by path; what is only words for people is left out."""
    before, after = completed(old), completed(new)
    found = [*_in_maps(before, after), *_in_the_rest(before, after)]
    return sorted(found, key=lambda difference: difference.path)


def _in_maps(before: Mapping[str, Plain], after: Mapping[str, Plain]) -> Iterator[Difference]:
    for section in MAPS:
        old, new = as_map(before.get(section)), as_map(after.get(section))
        for key in old.keys() | new.keys():
            if key not in new:
                yield Difference("delete", section, key)
            elif key not in old:
                yield Difference("add", section, key)
            else:
                yield from _in_element(section, key, old[key], new[key])


def _in_element(section: str, key: str, old: Plain, new: Plain) -> Iterator[Difference]:
    if not isinstance(old, dict) or not isinstance(new, dict):
        if old != new:
            yield Difference("update", section, key)
        return
    for name in (old.keys() | new.keys()) - WORDS_ONLY.get(section, set()):
        if _canonical(old.get(name)) != _canonical(new.get(name)):
            yield Difference("update", section, key, name)


def _in_the_rest(before: Mapping[str, Plain], after: Mapping[str, Plain]) -> Iterator[Difference]:
    for section in (before.keys() | after.keys()) - MAPS.keys():
        if _canonical(before.get(section)) != _canonical(after.get(section)):
            yield Difference("update", section)


def _filled(kind: type, given: Mapping[str, Plain]) -> dict[str, Plain]:
    defaults: dict[str, Plain] = {}
    for each in dataclasses.fields(kind):
        if each.default is not dataclasses.MISSING:
            defaults[each.name] = _json(each.default)
        elif each.default_factory is not dataclasses.MISSING:
            defaults[each.name] = {}
    return {**defaults, **{name: value for name, value in given.items() if value is not None}}


def _json(value: object) -> Plain:
    if dataclasses.is_dataclass(value):
        return {}
    if isinstance(value, tuple):
        return list(cast("tuple[Plain, ...]", value))
    return value if isinstance(value, (str, bool, int, float)) else None


def _drain(value: Plain) -> Plain:
    if not isinstance(value, dict):
        return None
    drain = _filled(hostside.Drain, value)
    return {**drain, "ready": _probe(drain.get("ready")), "idle": _probe(drain.get("idle"))}


def _probe(value: Plain) -> Plain:
    kind = _PROBES.get(as_text(as_map(value).get("kind")))
    return _filled(kind, as_map(value)) if kind is not None else value


def _items(value: Plain) -> list[Plain]:
    return value if isinstance(value, list) else []


def _canonical(value: Plain) -> str:
    return json.dumps(_without_nulls(value), sort_keys=True)


def _without_nulls(value: Plain) -> Plain:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return value


def _index(key: str) -> str:
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", key):
        return f".{key}"
    return '["' + key.replace("\\", "\\\\").replace('"', '\\"') + '"]'
