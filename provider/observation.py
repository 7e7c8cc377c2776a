"""The role as it stands on the host, in the shape and with the secret marks of the declared one. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from pulumi.provider.experimental.property_value import PropertyValue

from provider.difference import MAPS, completed
from provider.values import Plain, Properties, as_map, as_texts, dressed, field, plain


def reflected(declared: PropertyValue, observed: Mapping[str, Plain]) -> PropertyValue:
    """What is as declared keeps its very value, what differs shows the host's, what is missing is left out."""
    role = dict(declared.value) if isinstance(declared.value, Mapping) else {}
    whole = completed(plain(declared))
    for section in MAPS:
        if field(declared, section) is not None:
            role[section] = _section(field(declared, section), as_map(whole[section]), as_map(observed.get(section)))
    absent = role.get("absent")
    if absent is not None and "absent" in observed:
        really = set(as_texts(observed["absent"]))
        if not really.issuperset(as_texts(plain(absent))):
            role["absent"] = dressed([path for path in as_texts(plain(absent)) if path in really])
    return PropertyValue(role, is_secret=declared.is_secret)


def _section(declared: PropertyValue | None, whole: Mapping[str, Plain], seen: Mapping[str, Plain]) -> PropertyValue:
    if declared is None or not isinstance(declared.value, Mapping):
        return PropertyValue({})
    elements: Properties = declared.value
    kept = {key: _element(element, whole[key], seen[key]) for key, element in elements.items() if key in seen}
    return PropertyValue(kept, is_secret=declared.is_secret)


def _element(declared: PropertyValue, whole: Plain, seen: Plain) -> PropertyValue:
    if not isinstance(seen, dict) or not isinstance(declared.value, Mapping):
        return declared if seen == whole else dressed(seen, declared)
    fields: Properties = declared.value
    changed = {
        name: dressed(value, fields.get(name)) for name, value in seen.items() if value != as_map(whole).get(name)
    }
    return PropertyValue({**fields, **changed}, is_secret=declared.is_secret) if changed else declared
