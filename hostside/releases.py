"""Releases of artifacts: directories named by content beside the link that says which one is used."""

from __future__ import annotations

import os
from collections.abc import Mapping

from .machine import Machine

_DIGITS = 16


def release_path(path: str, sha256: str) -> str:
    """Where the release `sha256` of the artifact at `path` lies."""
    return f"{releases_directory(path)}/{os.path.basename(path)}-{sha256[:_DIGITS]}"


def releases_directory(path: str) -> str:
    """The directory that holds every release of the artifact at `path`."""
    return f"{os.path.dirname(path)}/.releases"


def missing(machine: Machine, wanted: Mapping[str, str]) -> list[str]:
    """The artifacts (path to sha256) whose release is not on the host."""
    return sorted(path for path, sha256 in wanted.items() if machine.lstat(release_path(path, sha256)) is None)
