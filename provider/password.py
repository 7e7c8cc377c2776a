"""soundstage:secret:Password — generated once, kept encrypted in the state, renewed by a higher generation."""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping

from pulumi.provider.experimental import provider
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import PropertyDiff, PropertyDiffKind

from provider.values import UNKNOWN, Plain, Properties, as_number, plain_map

SHORTEST = 16
"""Characters; 16 of 62 kinds are 95 bits."""

_ALPHABET = string.ascii_letters + string.digits
_DEFAULTS: Mapping[str, float] = {"length": 32, "generation": 1}


class PasswordType:
    """A password of letters and digits, fit for every configuration language."""

    async def check(self, request: provider.CheckRequest) -> provider.CheckResponse:
        """Refuses a length below SHORTEST and a generation below 1."""
        inputs = _with_defaults(request.new_inputs)
        failures = [
            provider.CheckFailure(key, f"must be a whole number from {least}; given is {plain_map(inputs)[key]!r}")
            for key, least in (("length", SHORTEST), ("generation", 1))
            if not _whole(plain_map(inputs)[key], least)
        ]
        return provider.CheckResponse(inputs=inputs, failures=failures)

    async def diff(self, request: provider.DiffRequest) -> provider.DiffResponse:
        """Another length or generation makes a new value, in place."""
        old, new = plain_map(request.old_state), plain_map(_with_defaults(request.new_inputs))
        changed = {key: PropertyDiff(PropertyDiffKind.UPDATE, False) for key in _DEFAULTS if old.get(key) != new[key]}
        return provider.DiffResponse(changes=bool(changed), diffs=list(changed), detailed_diff=changed)

    async def create(self, request: provider.CreateRequest) -> provider.CreateResponse:
        """A new value; unknown in a preview."""
        return provider.CreateResponse(request.name, _outputs(request.properties, preview=request.preview))

    async def update(self, request: provider.UpdateRequest) -> provider.UpdateResponse:
        """A new value in place of the old one."""
        return provider.UpdateResponse(_outputs(request.news, preview=request.preview))

    async def read(self, request: provider.ReadRequest) -> provider.ReadResponse:
        """The state is the only place it is kept."""
        return provider.ReadResponse(request.resource_id, request.properties, request.inputs)

    async def delete(self, request: provider.DeleteRequest) -> None:
        """Leaves with the state."""


def _outputs(properties: Properties, *, preview: bool) -> dict[str, PropertyValue]:
    inputs = _with_defaults(properties)
    length = int(as_number(plain_map(inputs)["length"], _DEFAULTS["length"]))
    text = UNKNOWN if preview else "".join(secrets.choice(_ALPHABET) for _ in range(length))
    return {**inputs, "value": PropertyValue(text, is_secret=not preview)}


def _with_defaults(properties: Properties) -> dict[str, PropertyValue]:
    known = {key: value for key, value in properties.items() if value.value is not None}
    return {**{key: PropertyValue(float(value)) for key, value in _DEFAULTS.items()}, **known}


def _whole(value: Plain, least: int) -> bool:
    return value == UNKNOWN or (isinstance(value, int) and not isinstance(value, bool) and value >= least)
