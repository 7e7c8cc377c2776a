"""A preview, or drift, as a comment a reviewer decides from: first what listeners notice, then counts, then lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from promotion import lines, notices
from promotion.digest import Digest
from promotion.lines import Lines
from promotion.markdown import Piece, block, fitting, literal, shortened, table
from promotion.notices import Notice, Weight

LIMIT = 65_000
"""Characters of a comment. GitHub refuses more than 65,536."""
_MOST_NOTICES, _MOST_HOSTS, _MOST_NAMES, _MOST_LINES = 40, 40, 20, 400
"""What the first page holds; beyond that it says how many there are."""
_OPERATIONS = {"create": "new", "update": "change", "replace": "replace", "delete": "remove"}
_MARKER = "<!-- soundstage {kind} {stack} -->"


def marker(kind: str, stack: str) -> str:
    """The hidden first line by which a comment or an issue is found again."""
    return _MARKER.format(kind=kind, stack=stack)


def of_preview(digest: Digest, fingerprint: str, *, limit: int = LIMIT) -> str:
    """The comment on a pull request, at most `limit` characters long."""
    first = marker("preview", digest.stack)
    stack = literal(digest.stack)
    if digest.errors:
        return _bounded([first, f"## {stack}: the preview failed", block(digest.errors, "")], limit)
    if not digest.changes:
        return _bounded([first, f"## {stack}: nothing changes", *_warned(digest)], limit)
    head = [
        first,
        f"## {stack}: {_counted(digest)}",
        *_warned(digest),
        *_first_page(notices.of(digest)),
        _counts(digest),
    ]
    foot = f"<sub>fingerprint `{fingerprint}`: promotion applies exactly this, or refuses</sub>"
    return _bounded(head, limit, folded=lines.of(digest), foot=foot)


def of_drift(digest: Digest, notes: Sequence[str] = (), *, limit: int = LIMIT) -> str:
    """The text of the issue about what on the hosts is not as declared; `notes` say what no line of a file does."""
    head = [
        marker("drift", digest.stack),
        f"**{literal(digest.stack)}** is not as the last `up` left it: `-` is what the state says, `+` what is there.",
        f"`make up STACK={digest.stack}` makes it as declared; `docs/runbooks/drift-found.md` says what to ask first.",
        *([block(shortened(notes, _MOST_NOTICES), "")] if notes else []),
        *([_counts(digest)] if digest.changes else []),
    ]
    return _bounded(head, limit, folded=lines.of(digest))


def in_full(digest: Digest) -> str:
    """Every line that differs, as text for a terminal or a file: nothing is left out."""
    return "\n".join(line for each in lines.of(digest) for line in (each.title, *each.text, ""))


def in_short(digest: Digest) -> str:
    """What listeners notice, as text for a terminal."""
    found = notices.of(digest)
    told = [f"{', '.join(notice.hosts)} {' '.join(notice.names)}".strip() + f": {notice.text}" for notice in found]
    closing = notices.closing(found)
    return "\n".join([*told, *([closing] if closing and told else []), *digest.warnings, *digest.errors])


def _first_page(found: Sequence[Notice]) -> list[str]:
    """What a reviewer reads in ten seconds."""
    noticed = [_sentence(notice) for notice in found if notice.weight < Weight.QUIET_RESTART]
    unnoticed = [_sentence(notice) for notice in found if notice.weight >= Weight.QUIET_RESTART]
    closing = notices.closing(found)
    return [
        "**What listeners notice**" if noticed else "**Listeners notice nothing**",
        *([_list(noticed)] if noticed else []),
        *([closing] if closing else []),
        *([f"Besides:\n{_list(unnoticed)}"] if unnoticed else []),
    ]


def _list(sentences: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in shortened(sentences, _MOST_NOTICES))


def _sentence(notice: Notice) -> str:
    where = f"**{literal(', '.join(shortened(notice.hosts, _MOST_HOSTS)))}** " if notice.hosts else ""
    names = literal(", ".join(shortened([name for name in notice.names if name], _MOST_NAMES)))
    return f"{where}{names}: {literal(notice.text)}" if names else f"{where.strip()}: {literal(notice.text)}"


def _counted(digest: Digest) -> str:
    """`2 to change, 7 to remove`."""
    totals = Counter(_OPERATIONS.get(step.op, step.op) for step in digest.changes if step.custom)
    return ", ".join(
        f"{totals[word]} {'' if word == 'new' else 'to '}{word}" for word in _OPERATIONS.values() if totals[word]
    )


def _counts(digest: Digest) -> str:
    steps = [step for step in digest.changes if step.custom]
    counts = Counter((step.host, _OPERATIONS.get(step.op, step.op)) for step in steps)
    columns = [word for word in _OPERATIONS.values() if any(word == op for _, op in counts)]
    hosts = sorted({host for host, _ in counts}, key=lambda host: (host == "", host))
    rows = [[literal(host) or "(stack)", *(str(counts[host, word] or "") for word in columns)] for host in hosts]
    more = len(rows) - _MOST_HOSTS
    note = f"\n\nand {more} more hosts" if more > 0 else ""
    return table(["host", *columns], rows[:_MOST_HOSTS]) + note + f"\n\n{digest.same} resources stay as they are."


def _warned(digest: Digest) -> list[str]:
    return [block(shortened(digest.warnings, _MOST_NOTICES), "")] if digest.warnings else []


def _bounded(head: Sequence[str], limit: int, *, folded: Sequence[Lines] = (), foot: str = "") -> str:
    top = "\n\n".join(head)
    if not folded:
        return _cut("\n\n".join([top, *([foot] if foot else [])]), limit)
    opening = f"<details><summary>Line diffs ({len(folded)})</summary>"
    pieces = [Piece(each.title, f"**{literal(each.title)}**\n{block(_capped(each.text))}") for each in folded]
    names = "Left out, because a comment holds no more: "
    reserve = len(names) + 60 * _MOST_NAMES + 200
    kept, left_out = fitting(pieces, limit - len(top) - len(opening) - len(foot) - reserve)
    told = "; ".join(shortened([_short(title) for title in left_out], _MOST_NAMES))
    note = [f"{names}{literal(told)}. The artefact of this run has all of it."] if left_out else []
    return _cut("\n\n".join([top, opening, *kept, "</details>", *note, *([foot] if foot else [])]), limit)


def _capped(text: Sequence[str]) -> list[str]:
    if len(text) <= _MOST_LINES:
        return list(text)
    return [*text[:_MOST_LINES], f" … {len(text) - _MOST_LINES} more lines, in the artefact of this run"]


def _short(title: str) -> str:
    return title if len(title) <= 57 else f"{title[:56]}…"


def _cut(text: str, limit: int) -> str:
    """The last resort; a text cut here stays valid, because nothing after its first part is needed to read it."""
    if len(text) < limit:
        return f"{text}\n"
    note = "\n\n(cut here: a comment holds no more)\n"
    return text[: limit - len(note)] + note
