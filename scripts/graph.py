"""Draws docs/graph.svg: the dependency graph of the stack `lab`, recorded from the real program.

`python -m scripts.graph` writes it, `python -m scripts.graph --check` exits with 1 when it is out of date.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape

from scripts.recording import PROJECT, Recording, record_stack

PICTURE = PROJECT / "docs" / "graph.svg"
STACK = "lab"
_ROSTER = "soundstage:host:Roster"
"""Looks back at everything a host has and leads nowhere: it would only cross the picture."""

_WIDTH, _GAP_X, _GAP_Y, _MARGIN = 160, 56, 22, 24
_TITLE, _LINE, _PADDING = 20, 17, 12
_STYLE = """
  text { font-family: Verdana, "DejaVu Sans", sans-serif; font-size: 13px; fill: #1f2933 }
  .name { font-weight: 600 } .kind { fill: #7b8794; font-size: 11px }
  .box { fill: #f8fafc; stroke: #9aa5b1 } .source { fill: #fff7e6; stroke: #d9a441 }
  .edge { fill: none; stroke: #627d98; stroke-width: 1.4; marker-end: url(#arrow) }
"""

_ARROW = (
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    '<path d="M0 0 8 4 0 8z" fill="#627d98"/></marker></defs>'
)


@dataclass(frozen=True, kw_only=True)
class Box:
    """A component with its resources; `rows` are in the order in which they change."""

    name: str
    kind: str
    rows: tuple[str, ...]
    after: frozenset[str]

    @property
    def height(self) -> int:
        """In pixels."""
        return 2 * _PADDING + 2 * _TITLE + _LINE * len(self.rows)


def boxes(recording: Recording) -> dict[str, Box]:
    """Every component that owns resources, after the source of it all; edges that others imply are left out."""
    shown = [item for item in recording.resources.values() if item.custom and item.type != _ROSTER]
    owners = {item.name: str(item.parent) for item in shown}
    after: dict[str, set[str]] = {owner: set() for owner in owners.values()}
    for name, owner in owners.items():
        after[owner] |= {owners[other] for other in recording.resources[name].dependencies} - {owner}
    source = f"Pulumi.{STACK}.yaml"
    found = {source: Box(name=source, kind="settings", rows=(), after=frozenset())}
    for owner, others in after.items():
        kind = recording.resources[owner].type.split(":")[-1]
        needed = frozenset(_direct(others, after)) or frozenset([source])
        found[owner] = Box(name=owner, kind=kind, rows=_rows(owner, recording), after=needed)
    return found


def svg(recording: Recording) -> str:
    """The picture."""
    found = boxes(recording)
    places = _places(found)
    width = max(x for x, _ in places.values()) + _WIDTH + _MARGIN
    height = max(y + found[name].height for name, (_, y) in places.items()) + _MARGIN
    edges = [_edge(found, places, other, name) for name, box in sorted(found.items()) for other in sorted(box.after)]
    nodes = [_node(box, *places[name]) for name, box in sorted(found.items())]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
            f"<title>What depends on what in the stack {STACK}: an arrow points at what comes later</title>",
            f"<style>{_STYLE}</style>",
            _ARROW,
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
            *edges,
            *nodes,
            "</svg>",
            "",
        ]
    )


def _direct(others: Iterable[str], after: Mapping[str, set[str]]) -> set[str]:
    """Without what is reached through another one."""
    direct = set(others)
    return {name for name in direct if not any(name in _all(after, other) for other in direct - {name})}


def _all(after: Mapping[str, set[str]], name: str) -> set[str]:
    return after[name].union(*(_all(after, other) for other in after[name]))


def _rows(owner: str, recording: Recording) -> tuple[str, ...]:
    children = {item.name: item for item in recording.resources.values() if item.parent == owner}

    def step(name: str) -> int:
        return 1 + max((step(other) for other in children[name].dependencies if other in children), default=0)

    ordered = sorted(children, key=lambda name: (step(name), name))
    return tuple(f"{step(name)}. {name.removeprefix(f'{owner}-')}" for name in ordered)


def _places(found: Mapping[str, Box]) -> dict[str, tuple[int, int]]:
    """Left upper corners: a column per depth, each box near the middle of what it comes after."""

    def depth(name: str) -> int:
        return max((depth(other) + 1 for other in found[name].after), default=0)

    columns: dict[int, list[str]] = {}
    for name in sorted(found):
        columns.setdefault(depth(name), []).append(name)
    centres: dict[str, int] = {}
    tops: dict[str, int] = {}
    for _, names in sorted(columns.items()):
        wanted = {name: _mean([centres[other] for other in found[name].after]) for name in names}
        y = 0
        for name in sorted(names, key=lambda name: (wanted[name], name)):
            tops[name], centres[name] = y, y + found[name].height // 2
            y += found[name].height + _GAP_Y
        shift = _mean(list(wanted.values())) - _mean([centres[name] for name in names])
        for name in names:
            tops[name], centres[name] = tops[name] + shift, centres[name] + shift
    highest = min(tops.values())
    return {
        name: (_MARGIN + column * (_WIDTH + _GAP_X), _MARGIN + tops[name] - highest)
        for column, names in columns.items()
        for name in names
    }


def _mean(values: list[int]) -> int:
    return sum(values) // len(values) if values else 0


def _edge(found: Mapping[str, Box], places: Mapping[str, tuple[int, int]], start: str, end: str) -> str:
    x1, y1 = places[start][0] + _WIDTH, places[start][1] + found[start].height // 2
    x2, y2 = places[end][0], places[end][1] + found[end].height // 2
    bend = _GAP_X // 2 + (x2 - x1) // 4
    return f'<path class="edge" d="M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2 - 1} {y2}"/>'


def _node(box: Box, x: int, y: int) -> str:
    kind = "source" if not box.after else "box"
    left, top = x + _PADDING, y + _PADDING
    lines = [
        f'<rect class="{kind}" x="{x}" y="{y}" width="{_WIDTH}" height="{box.height}" rx="6"/>',
        f'<text class="name" x="{left}" y="{top + 13}">{escape(box.name)}</text>',
        f'<text class="kind" x="{left}" y="{top + 13 + _LINE}">{escape(box.kind)}</text>',
    ]
    first = top + 2 * _TITLE + 12
    lines += [
        f'<text x="{left}" y="{first + _LINE * index}">{escape(row)}</text>' for index, row in enumerate(box.rows)
    ]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Writes the picture, or with `--check` only says whether it is up to date."""
    drawn = svg(record_stack(STACK))
    if arguments == ["--check"]:
        if PICTURE.is_file() and PICTURE.read_text() == drawn:
            return 0
        print("docs/graph.svg is out of date; make graph writes it", file=sys.stderr)
        return 1
    PICTURE.write_text(drawn)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
