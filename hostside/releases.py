"""Releases of artifacts: directories named by content beside the link that says which one is used."""

from __future__ import annotations

import os
import re
import tarfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from .failure import Failure
from .machine import Machine
from .manifest import Release
from .trees import BadArchive, sha256_of_file, tree_digest, tree_stamp, unpack
from .values import Artifact

_DIGITS = 16


@dataclass(frozen=True)
class Incoming:
    """What the controller sent for an artifact: a file on the host and its sha256."""

    file: str
    sha256: str


def release_path(path: str, sha256: str) -> str:
    """Where the release `sha256` of the artifact at `path` lies."""
    return f"{releases_directory(path)}/{os.path.basename(path)}-{sha256[:_DIGITS]}"


def releases_directory(path: str) -> str:
    """The directory that holds every release of the artifact at `path`."""
    return f"{os.path.dirname(path)}/.releases"


def missing(machine: Machine, wanted: Mapping[str, str], known: Mapping[str, Release]) -> list[str]:
    """The artifacts (path to sha256) whose release is not on the host as it was unpacked."""
    return sorted(path for path, sha256 in wanted.items() if not _intact(machine, path, sha256, known.get(path)))


def _intact(machine: Machine, path: str, sha256: str, known: Release | None) -> bool:
    release = machine.at(release_path(path, sha256))
    if not os.path.isdir(release):
        return False
    if known is None or known.sha256 != sha256:
        return tree_digest(release) == sha256
    return tree_stamp(release) == known.stamp or tree_digest(release) == known.digest


def live_sha256(machine: Machine, path: str, known: Release | None) -> str | None:
    """The identity of the release in use at `path`: the declared one while nobody touched it, else its live digest.

    None when `path` is no link to a release.
    """
    target = machine.link_target(path)
    if target is None or not machine.is_directory(path):
        return None
    release = os.path.join(os.path.dirname(path), target)
    if known is not None and release == release_path(path, known.sha256):
        # Inode data is cheap to read; contents are read only when it has moved.
        if tree_stamp(machine.at(release)) == known.stamp:
            return known.sha256
        digest = tree_digest(machine.at(release))
        return known.sha256 if digest == known.digest else digest
    return tree_digest(machine.at(release))


def ensure(machine: Machine, path: str, artifact: Artifact, incoming: Incoming | None, known: Release | None) -> bool:
    """Makes the release of an artifact be on the host, unused yet; whether it had to be unpacked. Raises Failure."""
    if _intact(machine, path, artifact.sha256, known):
        return False
    release = release_path(path, artifact.sha256)
    if incoming is None:
        raise Failure(
            "artifacts", f"{path}: the release {artifact.sha256[:_DIGITS]} is not on this host and was not sent"
        )
    if sha256_of_file(machine.at(incoming.file)) != incoming.sha256:
        raise Failure("artifacts", f"{path}: what arrived is not what was sent")
    partial = f"{release}.partial"
    machine.remove_tree(partial)
    machine.make_directories(releases_directory(path))
    machine.effect(f"unpack {release}")
    try:
        unpack(machine.at(incoming.file), machine.at(partial), os.path.basename(artifact.source))
    except (BadArchive, tarfile.TarError, EOFError) as error:
        raise Failure("artifacts", f"{path}: {error}") from error
    if artifact.sha256 not in (incoming.sha256, tree_digest(machine.at(partial))):
        raise Failure("artifacts", f"{path}: the release has another content than its sha256 says")
    machine.remove_tree(release)
    machine.move(partial, release)
    return True


def record_of(machine: Machine, path: str, artifact: Artifact) -> Release:
    """What the manifest keeps of the release in use."""
    release = machine.at(release_path(path, artifact.sha256))
    return Release(artifact.sha256, tree_digest(release), tree_stamp(release), dict(artifact.on_change))


def forget(machine: Machine, path: str, keep: Collection[str]) -> None:
    """Removes every release of the artifact at `path` but those with the sha256 in `keep`."""
    kept = {os.path.basename(release_path(path, sha256)) for sha256 in keep}
    directory = releases_directory(path)
    for name in machine.names(directory):
        if name not in kept and re.fullmatch(re.escape(os.path.basename(path)) + r"-[0-9a-f]{16}(\.partial)?", name):
            machine.remove_tree(f"{directory}/{name}")
    if not machine.names(directory):
        machine.remove_empty_directory(directory)
