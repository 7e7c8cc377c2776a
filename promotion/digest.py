"""What the engine said it would change, or found changed: its JSON digest as values, secrets masked. Pure."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypedDict, cast

from provider.values import UNKNOWN, Plain, as_map, as_text
from toolchain.failure import Failure

SECRET, LATER = "[secret]", "(known after apply)"
ROLE = "soundstage:host:Role"
HOST = "soundstage:host:Host"

_SIGNATURE = "4dabf18193072939515e22adb298388d"
"""The key by which the engine marks a secret, an asset or the like."""
_KEPT = {"same", "refresh", "read"}
"""What the engine calls the steps of resources that stay as they are."""
_PARTS = {"create-replacement", "delete-replaced", "read-replacement"}
"""A replacement is told once, as `replace`."""
_ADDED = ("an unhandled error occurred: program exited", "preview failed", "update failed")
_SECRET_NAMES = re.compile(r"PASSPHRASE|PASSWORD|SECRET|TOKEN|PRIVATE_KEY|ACCESS_KEY")
_SHORTEST_SECRET = 6
"""A shorter value would tear holes into ordinary words."""


class _State(TypedDict, total=False):
    type: str
    custom: bool
    inputs: dict[str, Plain]
    outputs: dict[str, Plain]


class _Step(TypedDict, total=False):
    op: str
    urn: str
    oldState: _State
    newState: _State
    detailedDiff: Mapping[str, object] | None


class _Message(TypedDict, total=False):
    urn: str
    message: str
    severity: str


class Told(TypedDict, total=False):
    """The digest as the engine prints it with --json."""

    steps: list[_Step]
    diagnostics: list[_Message]
    changeSummary: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One resource: `old` as the state has it, `new` as it is to be, or was found on its host."""

    op: str
    urn: str
    type: str
    custom: bool
    old: Mapping[str, Plain]
    new: Mapping[str, Plain]
    paths: frozenset[str] = frozenset()
    """What of it changes, as property paths."""

    @property
    def name(self) -> str:
        """The resource's name."""
        return self.urn.rsplit("::", maxsplit=1)[-1]

    @property
    def host(self) -> str:
        """The host it is on; empty for what belongs to the whole stack."""
        return self.name if self.type == HOST else as_text(self._either.get("host"))

    @property
    def role(self) -> str:
        """The role's name; the resource's own where it is no role."""
        return as_text(as_map(self._either.get("role")).get("name")) or self.name

    @property
    def _either(self) -> Mapping[str, Plain]:
        return self.new or self.old


@dataclass(frozen=True, kw_only=True)
class Digest:
    """A preview, or what a refresh would write into the state."""

    stack: str
    changes: tuple[Step, ...] = ()
    kept: tuple[Step, ...] = ()
    same: int = 0
    """Resources that stay, components included."""
    sentences: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """URN → what the plugin says of it."""
    warnings: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


def read(stack: str, printed: str, environment: Mapping[str, str] = os.environ) -> Digest:
    """The digest in `printed`; no secret of its own or of `environment` is left in it. Raises Failure if it is none."""
    try:
        told = cast("Told", json.loads(_without_secrets(printed, environment)))
    except json.JSONDecodeError:
        raise Failure(f"{stack}: the engine printed no digest") from None
    steps = [step for step in told.get("steps", []) if step.get("op") not in _PARTS]
    messages = told.get("diagnostics", [])
    return Digest(
        stack=stack,
        changes=tuple(sorted(map(_step, _with(steps, kept=False)), key=lambda step: step.urn)),
        kept=tuple(sorted(map(_step, _with(steps, kept=True)), key=lambda step: step.urn)),
        same=told.get("changeSummary", {}).get("same", 0),
        sentences=_sentences(messages),
        warnings=_said(messages, "warning"),
        errors=_said(messages, "error"),
    )


def _with(steps: Iterable[_Step], *, kept: bool) -> list[_Step]:
    return [step for step in steps if (step.get("op") in _KEPT) == kept]


def _step(step: _Step) -> Step:
    before, after = step.get("oldState") or _State(), step.get("newState") or _State()
    either = after or before
    return Step(
        op=step.get("op", ""),
        urn=step.get("urn", ""),
        type=either.get("type", ""),
        custom=either.get("custom", False),
        old=_masked_map(before.get("outputs") or before.get("inputs")),
        # A preview knows what is declared, a refresh what was found; only the latter has outputs.
        new=_masked_map(after.get("outputs") or after.get("inputs")),
        paths=frozenset(step.get("detailedDiff") or ()),
    )


def _sentences(messages: Iterable[_Message]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for message in messages:
        if message.get("severity") == "info" and (urn := message.get("urn", "")):
            found[urn] = (*found.get(urn, ()), _text(message))
    return {urn: tuple(dict.fromkeys(said)) for urn, said in found.items()}


def _said(messages: Iterable[_Message], severity: str) -> tuple[str, ...]:
    """What was said, in order and once, without what the engine adds to every failure."""
    said = list(dict.fromkeys(_text(each) for each in messages if each.get("severity") == severity))
    return tuple([text for text in said if not text.startswith(_ADDED)] or said)


def _text(message: _Message) -> str:
    severity = message.get("severity", "")
    return message.get("message", "").strip().removeprefix(f"{severity}: ")


def _masked_map(values: Mapping[str, Plain] | None) -> dict[str, Plain]:
    return {key: masked(value) for key, value in (values or {}).items()}


def masked(value: Plain) -> Plain:
    """The value with the word SECRET for everything the engine marks so, and LATER for what it does not know yet."""
    if isinstance(value, dict):
        return SECRET if _SIGNATURE in value else {key: masked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [masked(item) for item in value]
    return value.replace(UNKNOWN, LATER) if isinstance(value, str) else value


def _without_secrets(text: str, environment: Mapping[str, str]) -> str:
    """Whatever the program prints: the secrets this process was started with are not in it."""
    for name, value in environment.items():
        if _SECRET_NAMES.search(name) and not name.endswith("_FILE") and len(value) >= _SHORTEST_SECRET:
            for line in value.strip().splitlines():
                if len(line) >= _SHORTEST_SECRET:
                    text = text.replace(json.dumps(line, ensure_ascii=False)[1:-1], SECRET)
    return text
