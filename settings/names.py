"""Names that stand for addresses: the file behind `soundstage:addresses`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import cast

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from settings.problems import Problem, shown

PLACES = (
    "access.clients.*",
    "access.management.*",
    "hosts.*.address",
    "hosts.*.first_contact.jump.address",
    "load_balancer.trusted_proxies.*",
    "ssh.jump.address",
    "virtual_ip.address",
)
"""Where an address is expected, so that a name may stand instead."""


def read(path: str, project: Path) -> tuple[Mapping[str, str], list[Problem]]:
    """The names of the file, and what is wrong with it; "" is no file and no names."""
    if not path:
        return {}, []
    allowed = "a YAML file of `name: address`, path relative to the project"
    remedy = "start what writes it (for the lab: ./lab/lab up), or leave the key out and write addresses directly"
    try:
        text = (project / path).read_text()
    except FileNotFoundError:
        return {}, [Problem(key="addresses", given=f"{path!r}, which does not exist", allowed=allowed, remedy=remedy)]
    except OSError as error:
        given = f"{path!r}, which cannot be read ({error.strerror})"
        return {}, [Problem(key="addresses", given=given, allowed=allowed, remedy="make it a readable file")]
    try:
        document = cast("object", YAML(typ="safe").load(text))  # pyright: ignore[reportUnknownMemberType] untyped there
    except YAMLError as error:
        given = f"{path!r}, which is not YAML ({error.__class__.__name__})"
        return {}, [Problem(key="addresses", given=given, allowed=allowed, remedy="correct the file")]
    if not isinstance(document, dict):
        given = f"{path!r}, which holds no map"
        return {}, [Problem(key="addresses", given=given, allowed=allowed, remedy="correct the file")]
    entries = cast("dict[object, object]", document)
    wrong = [
        Problem(key="addresses", given=f"{shown(value)} for {name!r} in {path!r}", allowed=allowed, remedy="quote it")
        for name, value in entries.items()
        if not isinstance(value, str)
    ]
    return {str(name): value for name, value in entries.items() if isinstance(value, str)}, wrong


def resolved(raw: Mapping[str, object], names: Mapping[str, str]) -> Mapping[str, object]:
    """The configuration with every name at one of `PLACES` replaced by its address."""
    result: object = raw
    for place in PLACES:
        result = _replaced(result, place.split("."), names)
    return cast("Mapping[str, object]", result)


def suggested(problem: Problem, path: str, names: Mapping[str, str]) -> Problem:
    """The problem, with the names that may stand there when it is about an address."""
    if not names or not any(fnmatchcase(problem.key, place) for place in PLACES):
        return problem
    return replace(problem, remedy=f"write an address, or a name of {path}: {', '.join(sorted(names))}")


def _replaced(value: object, place: Sequence[str], names: Mapping[str, str]) -> object:
    if not place:
        return names.get(value, value) if isinstance(value, str) else value
    step, rest = place[0], place[1:]
    if isinstance(value, dict):
        entries = cast("dict[str, object]", value)
        return {key: _replaced(item, rest, names) if step in ("*", key) else item for key, item in entries.items()}
    if isinstance(value, list) and step == "*":
        return [_replaced(item, rest, names) for item in cast("list[object]", value)]
    return cast("object", value)
