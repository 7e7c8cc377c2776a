"""One line that says what a change does to a host and to its listeners. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from provider.difference import Difference, completed, differences
from provider.values import UNKNOWN, Plain, as_map, as_text

_NAMED_FILES = 3
"""More files than this are counted, not named."""


def of_a_new_role(host: str, role: Plain) -> str:
    """`edge1 haproxy: new: installs haproxy, 4 files, starts haproxy.service`."""
    whole = completed(role)
    # Sorted, because a map has another order in every message of the engine.
    running = sorted(unit for unit, element in as_map(whole["units"]).items() if as_map(element)["running"])
    parts = [
        _listed("installs", _packages(whole)),
        _listed("creates user", sorted(as_map(whole["users"]))),
        _counted(len(as_map(whole["files"])), "file"),
        _listed("release of", sorted(PurePosixPath(path).name for path in as_map(whole["artifacts"]))),
        _counted(len(as_map(whole["sysctl"])), "kernel setting"),
        _listed("starts", running),
    ]
    return f"{host} {as_text(whole.get('name'))}: new: {', '.join(part for part in parts if part) or 'only checks'}"


def of_a_change(host: str, old: Plain, new: Plain) -> str:
    """`edge1 haproxy: haproxy.cfg changes → reload, connections kept`. `old` is how the host is, as far as known."""
    before, after = completed(old), completed(new)
    found = differences(before, after)
    name = as_text(after.get("name"))
    what = [part for part in _what(found, before, after) if part] or ["reload rules change" if found else "nothing"]
    effects = _effects(found, before, after)
    return f"{host} {name}: {', '.join(what)} → {_worded(effects, name)}"


def of_a_removal(host: str, role: Plain) -> str:
    """`app2 web-server: removed: stops web@8001.service, 2 files, lets go of package python3-aiohttp`."""
    whole = completed(role)
    parts = [
        _listed("stops", sorted(unit for unit in as_map(whole["units"]) if _runs(as_map(whole["units"]), unit))),
        _counted(len(as_map(whole["files"])), "file"),
        _listed("release of", sorted(PurePosixPath(path).name for path in as_map(whole["artifacts"]))),
        _listed("removes user", sorted(as_map(whole["users"]))),
        _listed("lets go of package", sorted(as_map(whole["packages"]))),
    ]
    return f"{host} {as_text(whole.get('name'))}: removed: {', '.join(part for part in parts if part) or 'only checks'}"


def of_a_repair(host: str, role: Plain, *, reachable: bool) -> str:
    """For a role whose declaration does not change: its host was away, or its probes did not answer."""
    name = as_text(as_map(role).get("name"))
    if not reachable:
        return f"{host} {name}: was not reachable → is tried again"
    return f"{host} {name}: does not answer its probes → its units are started, or restarted once"


@dataclass(frozen=True)
class _Effect:
    """What happens to some units alike."""

    action: str
    text: str
    drained: bool


def _what(found: list[Difference], before: Mapping[str, Plain], after: Mapping[str, Plain]) -> Iterator[str]:
    def keys(section: str, *kinds: str) -> list[str]:
        return sorted({each.key for each in _seen(found) if each.section == section and each.kind in kinds})

    yield _listed("installs", _versioned(keys("packages", "add", "update"), as_map(after["packages"])))
    yield _listed("lets go of package", keys("packages", "delete"))
    yield _listed("creates user", keys("users", "add"))
    yield _listed("changes user", keys("users", "update"))
    yield _listed("removes user", keys("users", "delete"))
    yield from _files(found, after)
    yield _listed("new release of", (PurePosixPath(path).name for path in keys("artifacts", "add", "update")))
    yield _listed("removes", keys("artifacts", "delete"))
    yield _counted(len(keys("sysctl", "add", "update", "delete")), "kernel setting", "changes")
    yield _counted(len(keys("directories", "add", "update", "delete")), "directory", "changes")
    yield from _units(found, before, after)
    if {"verify", "validate_with", "requires", "absent", "confirm_seconds", "remove_with"} & {e.section for e in found}:
        yield "checks change"


def _files(found: list[Difference], after: Mapping[str, Plain]) -> Iterator[str]:
    for kind, one, many in (
        ("update", "changes", "change"),
        ("add", "is added", "are added"),
        ("delete", "is removed", "are removed"),
    ):
        paths = sorted({each.key for each in _seen(found) if each.section == "files" and each.kind == kind})
        if len(paths) > _NAMED_FILES:
            yield f"{len(paths)} files {many}"
        elif paths:
            yield f"{' and '.join(_file_name(path, after) for path in paths)} {one if len(paths) == 1 else many}"


def _seen(found: Iterable[Difference]) -> Iterator[Difference]:
    """Without what is only declared: a rule for later changes changes no file and no release."""
    return (each for each in found if each.field != "on_change")


def _file_name(path: str, after: Mapping[str, Plain]) -> str:
    content = as_text(as_map(as_map(after["files"]).get(path)).get("content"))
    late = " (content known after apply)" if UNKNOWN in content else ""
    return PurePosixPath(path).name + late


def _units(found: list[Difference], before: Mapping[str, Plain], after: Mapping[str, Plain]) -> Iterator[str]:
    old, new = as_map(before["units"]), as_map(after["units"])
    yield _listed("starts", sorted(_starting(found, before, after)))
    yield _listed("stops", sorted(unit for unit in old if _runs(old, unit) and not _runs(new, unit)))
    changed = {each.key for each in found if each.section == "units" and each.field == "enabled"}
    yield _listed("enables", sorted(unit for unit in changed if as_map(new[unit])["enabled"]))
    yield _listed("disables", sorted(unit for unit in changed if not as_map(new[unit])["enabled"]))


def _starting(found: list[Difference], before: Mapping[str, Plain], after: Mapping[str, Plain]) -> set[str]:
    old, new = as_map(before["units"]), as_map(after["units"])
    touched = {each.key for each in found if each.section == "units"}
    return {unit for unit in touched if _runs(new, unit) and not _runs(old, unit)}


def _runs(units: Mapping[str, Plain], unit: str) -> bool:
    return as_map(units.get(unit)).get("running") is True


def _effects(
    found: list[Difference], before: Mapping[str, Plain], after: Mapping[str, Plain]
) -> dict[_Effect, list[str]]:
    """What happens to which units; a restart wins over a reload, a unit that is only started is in neither."""
    actions: dict[str, str] = {}
    for each in _seen(found):
        if each.section not in ("files", "artifacts"):
            continue
        side = before if each.kind == "delete" else after
        element = as_map(as_map(side[each.section]).get(each.key))
        for unit, action in as_map(element.get("on_change")).items():
            actions[unit] = _stronger(actions.get(unit, ""), as_text(action))
    units, starting = as_map(after["units"]), _starting(found, before, after)
    effects: dict[_Effect, list[str]] = {}
    for unit, action in sorted(actions.items()):
        declared = as_map(units.get(unit))
        stopped = unit in as_map(before["units"]) and not _runs(units, unit)
        if unit not in starting and not stopped and declared.get("running") is not False:
            text = as_text(declared.get(f"{action}_effect"))
            effect = _Effect(action, text, action == "restart" and bool(declared.get("drain")))
            effects.setdefault(effect, []).append(unit)
    return effects


def _stronger(one: str, other: str) -> str:
    order = ("", "rollout", "reload", "restart")
    return max(one, other, key=order.index)


def _worded(effects: Mapping[_Effect, list[str]], role: str) -> str:
    if not effects:
        return "no reload, no restart"
    units = [unit for group in effects.values() for unit in group]
    alone = len(units) == 1 and units[0].rsplit(".", 1)[0] == role
    return "; ".join(_sentence(effect, group, named=not alone) for effect, group in effects.items())


def _sentence(effect: _Effect, units: list[str], *, named: bool) -> str:
    verb = "restart left to the rollout" if effect.action == "rollout" else effect.action
    names = f" {', '.join(unit.removesuffix('.service') for unit in units)}" if named else ""
    drained = ", one by one and drained first" if effect.drained else ""
    return f"{verb}{names}{drained}" + (f", {effect.text}" if effect.text else "")


def _packages(role: Mapping[str, Plain]) -> list[str]:
    packages = as_map(role["packages"])
    return _versioned(sorted(packages), packages)


def _versioned(names: Iterable[str], packages: Mapping[str, Plain]) -> list[str]:
    return [f"{name} {version}" if (version := as_text(packages.get(name))) else name for name in names]


def _listed(verb: str, names: Iterable[str]) -> str:
    known = list(names)
    return f"{verb} {', '.join(known)}" if known else ""


def _counted(number: int, noun: str, verb: str = "") -> str:
    if number == 0:
        return ""
    many = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    ending = verb.rstrip("s") if number > 1 else verb
    return f"{number} {noun if number == 1 else many}" + (f" {ending}" if ending else "")
