"""What listeners notice, in one line per kind of change with its hosts in front, the worst first. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from promotion.digest import HOST, ROLE, Digest, Step
from provider import consequence
from provider.values import Plain, as_map

_RESTARTS = re.compile(r"^restart(?! left)|\brestarted\b")
_STOPS = re.compile(r"(^|, )stops ")
_EFFECTS = re.compile(r"; (?=reload|restart)")
UNNOTICED = ("nobody notices", "no line is lost", "processes keep running with the new shares")
"""How the roles say that a restart interrupts nothing."""
_FOUNDATION = "soundstage:host:Fleet$"
"""What every host has: no news of a host that comes or goes."""
_SILENT = ("soundstage:host:Roster",)


class Weight(IntEnum):
    """How much of it listeners may notice."""

    REMOVAL = 0
    """Something goes, stops for good, or moves."""
    RESTART = 1
    NEW = 2
    RELOAD = 3
    QUIET_RESTART = 4
    NOTHING = 5


@dataclass(frozen=True)
class Notice:
    """One sentence about all of `hosts`; `names` are the roles it is about."""

    hosts: tuple[str, ...]
    names: tuple[str, ...]
    text: str
    weight: Weight


def of(digest: Digest) -> tuple[Notice, ...]:
    """Every change of the digest, hosts that change alike together."""
    whole = {step.host: step.op for step in digest.changes if step.type == HOST}
    alike: dict[tuple[str, str, Weight], list[str]] = {}
    for host, op in whole.items():
        roles = [step for step in digest.changes if step.type == ROLE and step.host == host]
        notice = _of_host(op, roles)
        alike.setdefault(("", *notice), []).append(host)
    for step in digest.changes:
        if step.custom and step.type not in _SILENT and step.host not in whole:
            for text, weight in _of_step(step, digest):
                alike.setdefault((step.role, text, weight), []).append(step.host)
    roles_alike: dict[tuple[tuple[str, ...], str, Weight], set[str]] = {}
    for (name, text, weight), hosts in alike.items():
        where = tuple(sorted({host for host in hosts if host}))
        roles_alike.setdefault((where, text, weight), set()).add(name)
    found = [Notice(hosts, tuple(sorted(names)), text, weight) for (hosts, text, weight), names in roles_alike.items()]
    return tuple(sorted(found, key=lambda notice: (notice.weight, notice.hosts, notice.names)))


def closing(notices: Iterable[Notice]) -> str:
    """One sentence about restarts, where it is a good one."""
    found = list(notices)
    if any(notice.weight in (Weight.REMOVAL, Weight.RESTART) for notice in found):
        return ""
    restarts = any(_restarts(notice.text) for notice in found)
    return "Only what nobody notices restarts." if restarts else "Nothing restarts."


def _of_host(op: str, roles: list[Step]) -> tuple[str, Weight]:
    names = ", ".join(sorted(step.role for step in roles))
    if op == "create":
        return f"new, with {names}{_listed('; starts', _units(roles, new=True))}", Weight.NEW
    return f"taken out, with {names}{_listed('; stops', _units(roles, new=False))}", Weight.REMOVAL


def _units(roles: list[Step], *, new: bool) -> list[str]:
    """What the roles run for listeners."""
    found: set[str] = set()
    for step in roles:
        if not step.urn.split("::")[2].startswith(_FOUNDATION):
            found |= {unit for unit, each in _declared(step, new=new).items() if as_map(each).get("running") is True}
    return sorted(unit.removesuffix(".service") for unit in found)


def _declared(step: Step, *, new: bool) -> dict[str, Plain]:
    return as_map(as_map((step.new if new else step.old).get("role")).get("units"))


def _of_step(step: Step, digest: Digest) -> Iterator[tuple[str, Weight]]:
    if step.type == ROLE and step.op == "delete":
        yield _told(consequence.of_a_removal(step.host, step.old.get("role")), step), Weight.REMOVAL
        return
    for sentence in digest.sentences.get(step.urn, (_in_general(step),)):
        what, _, effect = _told(sentence, step).partition(" → ")
        text = f"taken away and made anew: {what}" if step.op == "replace" and step.type == ROLE else what
        yield _turned(text, effect), _weight(step, what, effect)


def _told(sentence: str, step: Step) -> str:
    return sentence.removeprefix(f"{step.host} {step.role}: ")


def _turned(what: str, effect: str) -> str:
    """What it does to listeners in front of what it is."""
    return f"{effect} ({what})" if effect else what


def _weight(step: Step, what: str, effect: str) -> Weight:
    if step.type == ROLE and (step.op == "replace" or _STOPS.search(what)):
        return Weight.REMOVAL
    restarts = _restarts(effect)
    if not all(each.endswith(UNNOTICED) for each in restarts):
        return Weight.RESTART
    if any(each.startswith("reload") for each in _EFFECTS.split(effect)):
        return Weight.RELOAD
    if step.op == "create" and step.type == ROLE:
        return Weight.NEW
    return Weight.QUIET_RESTART if restarts else Weight.NOTHING


def _restarts(effect: str) -> list[str]:
    return [each for each in _EFFECTS.split(effect) if _RESTARTS.search(each)]


def _in_general(step: Step) -> str:
    kind = step.type.rsplit(":", maxsplit=1)[-1].lower()
    what = {"create": "is made", "delete": "goes", "replace": "is made anew"}.get(step.op)
    changes = ", ".join(sorted(step.paths)) or "it"
    return f"{kind} {what}" if what else f"{kind}: {changes} changes"


def _listed(verb: str, names: list[str]) -> str:
    return f"{verb} {', '.join(names)}" if names else ""
