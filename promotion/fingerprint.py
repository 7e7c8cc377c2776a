"""All that a preview says, line by line, and a short name for it. Pure.

Both are the same in every preview of the same commit against the same state, whatever order the engine works in.
"""

from __future__ import annotations

import hashlib

from promotion import lines
from promotion.digest import Digest

_DIGITS = 16


def of(digest: Digest) -> str:
    """16 hexadecimal digits that change with any line of `told`."""
    return hashlib.sha256("\n".join((digest.stack, *told(digest))).encode()).hexdigest()[:_DIGITS]


def told(digest: Digest) -> tuple[str, ...]:
    """Every step, every sentence and every differing line."""
    steps = sorted(f"{step.op} {step.urn} {' '.join(sorted(step.paths))}".strip() for step in digest.changes)
    sentences = sorted(sentence for said in digest.sentences.values() for sentence in said)
    differing = [line for each in lines.of(digest) for line in (each.title, *each.text)]
    return (*steps, *sentences, *differing)
