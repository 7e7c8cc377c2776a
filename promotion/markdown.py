"""Text as Markdown shows it literally, and pieces of it that fit into a comment. Pure."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_MARKED = re.compile(r"([\\`*\[\]|]|(?<![^\W_])_|_(?![^\W_]))")
_MENTION = re.compile(r"(?<!\w)([@#])(?=\w)")


def literal(text: str) -> str:
    """The text with nothing in it that formats, links, mentions somebody or opens a tag."""
    return _MENTION.sub(lambda found: f"&#{ord(found[1])};", _MARKED.sub(r"\\\1", html.escape(text, quote=False)))


def block(lines: Sequence[str], language: str = "diff") -> str:
    """The lines in a fence that none of them can close."""
    longest = max((len(found) for line in lines for found in re.findall(r"`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([f"{fence}{language}", *lines, fence])


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells are Markdown already."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


@dataclass(frozen=True)
class Piece:
    """Part of a comment that may have to be left out; `title` names it then."""

    title: str
    text: str


def fitting(pieces: Sequence[Piece], room: int) -> tuple[list[str], list[str]]:
    """The texts that fit into `room` characters, in order, and the titles of those that do not."""
    kept: list[str] = []
    left_out: list[str] = []
    for piece in pieces:
        needed = len(piece.text) + 2
        if needed <= room:
            kept.append(piece.text)
            room -= needed
        else:
            left_out.append(piece.title)
    return kept, left_out


def shortened(items: Sequence[str], most: int) -> list[str]:
    """At most `most` items; the last one says how many more there are."""
    if len(items) <= most:
        return list(items)
    return [*items[: most - 1], f"and {len(items) - most + 1} more"]
