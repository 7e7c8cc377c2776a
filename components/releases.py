"""The applications in `apps/`: what is on the hosts is known by the digest of its sources, without a build."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from components.values import Value
from hostside.trees import tree_digest
from roles.model import Sha256

_PROJECT = Path(__file__).resolve().parent.parent


class Release(Value):
    """`source` is the directory relative to the project, `sha256` the digest of its files and modes."""

    source: str
    sha256: Sha256


def release(application: Literal["web", "kv_store"]) -> Release:
    """The release of an application as it lies in the checkout."""
    source = f"apps/{application}"
    return Release(source=source, sha256=tree_digest(str(_PROJECT / source)))
