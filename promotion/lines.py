"""Which lines differ, resource by resource, with hosts that change alike told once. Pure."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from promotion.digest import ROLE, SECRET, Digest, Step
from provider.difference import MAPS, Difference, completed
from provider.values import Plain, as_map, as_text

_CONTEXT = 3
_EMPTY: tuple[Plain, ...] = (None, {}, [], "")
_INVISIBLE = (" (the same words: only line ends or defaults differ)",)
_WORDLESS = ("soundstage:host:Roster",)
"""Follows its roles; what it says is said by them."""


@dataclass(frozen=True)
class Lines:
    """What differs in one file, package, unit or property, the same on all `hosts`."""

    hosts: tuple[str, ...]
    owner: str
    what: str
    text: tuple[str, ...]
    """Lines that begin with `+`, `-`, a blank, or `@@`."""

    @property
    def title(self) -> str:
        """`edge1, edge2 haproxy: /etc/haproxy/haproxy.cfg`."""
        where = f"{', '.join(self.hosts)} " if self.hosts else ""
        return f"{where}{self.owner}: {self.what}"


def of(digest: Digest) -> tuple[Lines, ...]:
    """Everything that differs, sorted by host; the same change on several hosts once."""
    alike: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for step in digest.changes:
        for what, text in _of_step(step):
            alike.setdefault((step.role, what, text), []).append(step.host)
    found = [
        Lines(tuple(sorted({host for host in hosts if host})), owner, what, text)
        for (owner, what, text), hosts in alike.items()
    ]
    return tuple(sorted(found, key=lambda lines: (lines.hosts, lines.owner, lines.what)))


def _of_step(step: Step) -> Iterator[tuple[str, tuple[str, ...]]]:
    if not step.custom or step.type in _WORDLESS:
        return
    if step.type == ROLE and step.paths and "host" not in step.paths:
        yield from _of_role(step)
        paths: Iterable[str] = (path for path in step.paths if not path.startswith("role."))
    elif step.type == ROLE:
        yield from _of_whole_role(step)
        return
    else:
        paths = {path.split(".", 1)[0].split("[", 1)[0] for path in step.paths}
    for path in sorted(paths):
        yield path, _differing(_shown(step.old.get(path)), _shown(step.new.get(path)))


def _of_role(step: Step) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What the engine named; the values alone would not tell that a secret changes."""
    before, after = completed(step.old.get("role")), completed(step.new.get("role"))
    for section in sorted(before.keys() | after.keys()):
        old, new = as_map(before.get(section)), as_map(after.get(section))
        for key in sorted(old.keys() | new.keys()) if section in MAPS else [""]:
            named = [each for each in _differences(section, key, old, new) if each.path in step.paths]
            text = tuple(line for each in named for line in _of_difference(each, before, after))
            if named:
                yield _title(section, key), text


def _differences(section: str, key: str, old: Mapping[str, Plain], new: Mapping[str, Plain]) -> list[Difference]:
    if not key:
        return [Difference("update", section)]
    if key not in old or key not in new:
        return [Difference("add" if key in new else "delete", section, key)]
    fields = as_map(old[key]).keys() | as_map(new[key]).keys()
    return [Difference("update", section, key, name) for name in ("", *sorted(fields))]


def _of_difference(difference: Difference, before: Mapping[str, Plain], after: Mapping[str, Plain]) -> tuple[str, ...]:
    section, key, field = difference.section, difference.key, difference.field
    if not key:
        return _differing(_shown(before.get(section)), _shown(after.get(section)))
    old, new = as_map(before[section]).get(key), as_map(after[section]).get(key)
    if not field:
        return _differing(_whole(section, old), _whole(section, new))
    return _of_field(field, as_map(old).get(field), as_map(new).get(field))


def _of_field(field: str, old: Plain, new: Plain) -> tuple[str, ...]:
    if field == "content":
        return _differing(as_text(old).splitlines(), as_text(new).splitlines())
    return _differing([f"{field}: {line}" for line in _shown(old)], [f"{field}: {line}" for line in _shown(new)])


def _of_whole_role(step: Step) -> Iterator[tuple[str, tuple[str, ...]]]:
    """A new role with all it brings; of one that goes, the names."""
    role = completed((step.new or step.old).get("role"))
    sign = "+" if step.new else "-"
    things = [(section, key) for section in MAPS for key in sorted(as_map(role[section]))]
    brief = tuple(f"{sign}{_title(*thing)}" for thing in things if sign == "-" or thing[0] != "files")
    if brief:
        yield ("new" if step.new else "removed"), brief
    for path, file in sorted(as_map(role["files"]).items() if step.new else ()):
        yield path, _differing([], _whole("files", file))


def _title(section: str, key: str) -> str:
    if section in ("files", "directories", "artifacts"):
        return key
    return f"{section.removesuffix('s')} {key}" if key else section


def _whole(section: str, element: Plain) -> list[str]:
    if element is None:
        return []
    if section != "files":
        return _shown(element)
    file = as_map(element)
    rights = f"mode {as_text(file.get('mode'))}, {as_text(file.get('owner'))}:{as_text(file.get('group'))}"
    return [rights, *as_text(file.get("content")).splitlines()]


def _shown(value: Plain) -> list[str]:
    """The value as lines: a list item by item, a map key by key."""
    if value is None:
        return []
    if isinstance(value, list):
        return [_line(item) for item in value]
    if isinstance(value, dict):
        return [f"{key}: {_line(item)}" for key, item in sorted(value.items()) if item not in _EMPTY]
    return [_line(value)]


def _line(value: Plain) -> str:
    if isinstance(value, str) and value:
        return value
    told = {key: item for key, item in value.items() if item not in _EMPTY} if isinstance(value, dict) else value
    return json.dumps(told, sort_keys=True, ensure_ascii=False)


def _differing(old: Sequence[str], new: Sequence[str]) -> tuple[str, ...]:
    """The differing lines with their surroundings; equal texts that the engine calls different are secrets."""
    if min(len(old), len(new)) == 0 or (len(old) == len(new) == 1 and list(old) != list(new)):
        return (*(f"-{line}" for line in old), *(f"+{line}" for line in new))
    if list(old) == list(new):
        hidden = [line for line in old if SECRET in line]
        return tuple([*(f"-{line}" for line in hidden), *(f"+{line}" for line in hidden)] or _INVISIBLE)
    told = difflib.unified_diff(old, new, n=_CONTEXT, lineterm="")
    return tuple(told)[2:]
