"""A short name for exactly these changes: the same in every preview of the same commit against the same state. Pure."""

from __future__ import annotations

import hashlib
import json

from promotion import lines
from promotion.digest import Digest

_DIGITS = 16


def of(digest: Digest) -> str:
    """16 hexadecimal digits that change with any step, any differing line and any sentence of the preview."""
    told = {
        "stack": digest.stack,
        "steps": sorted([step.op, step.urn, *sorted(step.paths)] for step in digest.changes),
        "lines": [[*each.hosts, each.owner, each.what, *each.text] for each in lines.of(digest)],
        "sentences": sorted([urn, *said] for urn, said in digest.sentences.items()),
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:_DIGITS]
