"""What is wrong with a configuration, in words an operator can act on."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import UnionType
from typing import Union, cast, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

_PRIVATE = frozenset({"first_contact", "password"})
"""Keys whose value is never shown: it may be a password in the wrong place."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One wrong value: its key, what was given, what is allowed, what to do."""

    key: str
    given: str
    allowed: str
    remedy: str

    def __str__(self) -> str:
        return f"soundstage:{self.key}: got {self.given}; allowed: {self.allowed}; {self.remedy}"

    @classmethod
    def missing(cls, key: str) -> Problem:
        """A key that must be there and is not."""
        return cls(key=key, given="nothing", allowed="a value, there is no default", remedy="add it")


class ConfigurationError(ValueError):
    """The configuration cannot be used; `problems` are all that was found."""

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = "one problem" if len(problems) == 1 else f"{len(problems)} problems"
        lines = "\n".join(f"  {problem}" for problem in problems)
        super().__init__(f"{source} has {count}, so nothing was registered:\n{lines}")


def problems_of(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """The errors of `model`; what every member of a union says about one value becomes one problem."""
    details = error.errors()
    found: dict[str, Problem] = {}
    for detail in details:
        if detail["type"] == "too_short" and any(_is_inside(other["loc"], detail["loc"]) for other in details):
            continue  # a list whose entry is wrong is also said to be too short: only the entry helps
        problem = _problem(detail, model)
        earlier = found.get(problem.key)
        if earlier is not None and problem.allowed != earlier.allowed:
            problem = replace(problem, allowed=f"{earlier.allowed}, or {problem.allowed}")
        found[problem.key] = problem
    return list(found.values())


def shown(value: object) -> str:
    """A value as the operator wrote it, shortened; of a map only its keys, among its values may be a password."""
    text = _outline(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def nearest(name: str, known: Sequence[str]) -> str:
    """What to do about a name that is not known."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}?" if close else "correct or remove it"


def _problem(detail: ErrorDetails, model: type[BaseModel]) -> Problem:
    location = detail["loc"]
    path, last = _path(location, model)
    match detail["type"]:
        case "missing":
            return Problem.missing(".".join(path))
        case "extra_forbidden":
            members = (last, *get_args(last))
            models = [each for each in members if isinstance(each, type) and issubclass(each, BaseModel)]
            fields = sorted({name for each in models for name in each.model_fields})
            name = str(location[len(path)])
            key = ".".join([*path, name])
            return Problem(key=key, given="an unknown key", allowed=", ".join(fields), remedy=nearest(name, fields))
        case _:
            hidden = not _PRIVATE.isdisjoint(path[-1:])
            key, given = ".".join(path), "something else" if hidden else shown(detail["input"])
            return Problem(key=key, given=given, allowed=_allowed(detail), remedy="correct the value")


def _outline(value: object) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: …' for key in cast('dict[object, object]', value))}}}"
    if isinstance(value, list):
        return f"[{', '.join(_outline(item) for item in cast('list[object]', value))}]"
    return repr(value)


def _is_inside(location: Sequence[int | str], outer: Sequence[int | str]) -> bool:
    return len(location) > len(outer) and tuple(location[: len(outer)]) == tuple(outer)


def _allowed(detail: ErrorDetails) -> str:
    limits = detail.get("ctx", {})
    match detail["type"]:
        case "string_pattern_mismatch":
            return f"text that matches {limits['pattern']}"
        case "too_short":
            return f"at least {limits['min_length']} entries"
        case "too_long":
            return f"at most {limits['max_length']} entries"
        case _:
            message = detail["msg"].replace("Input is not a valid", "an").removeprefix("Value error, ")
            return message.removeprefix("Input should be ")


def _path(location: Sequence[int | str], model: object) -> tuple[list[str], object]:
    """The keys an operator wrote, and the type at their end; pydantic adds entries for the members of a union."""
    path: list[str] = []
    for entry in location:
        following = _step(model, entry)
        if following is None:
            break
        path.append(str(entry))
        model = following
    return path, model


def _step(model: object, entry: int | str) -> object | None:
    """The type one step down: a field of a model, a value of a mapping, an element of a tuple."""
    if isinstance(model, type) and issubclass(model, BaseModel):
        field = model.model_fields.get(str(entry))
        return None if field is None else field.annotation
    members: tuple[object, ...] = get_args(model)
    if get_origin(model) in (Union, UnionType):
        steps = (_step(member, entry) for member in members)
        return next((step for step in steps if step is not None), None)
    if get_origin(model) is tuple:
        return members[0] if isinstance(entry, int) else None
    return members[1] if len(members) == 2 and entry != "[key]" else None
