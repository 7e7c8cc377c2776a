"""Sources of an artifact on the controller as one file to upload, the same bytes for the same sources."""

from __future__ import annotations

import gzip
import io
import tarfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from hostside.trees import sha256_of_file, tree_digest, tree_files
from provider.errors import PluginError


@dataclass(frozen=True)
class Upload:
    """What goes to the host and the SHA-256 of its bytes."""

    content: bytes
    sha256: str


def packed(source: Path, identity: str) -> Upload:
    """A directory as tar.gz, a file as it is. Raises PluginError when the sources are not those of `identity`."""
    if not source.exists():
        raise PluginError(f"artifact source {source} does not exist")
    found = tree_digest(str(source)) if source.is_dir() else sha256_of_file(str(source))
    if found != identity:
        raise PluginError(
            f"artifact source {source} is not what was declared: its hash is {found[:16]}, declared is {identity[:16]};"
            " if it changed during the run, run again"
        )
    content = _tar_gz(source) if source.is_dir() else source.read_bytes()
    return Upload(content, sha256(content).hexdigest())


def _tar_gz(directory: Path) -> bytes:
    buffer = io.BytesIO()
    # No times, owners or names of this machine: the archive is a function of the sources alone.
    with (
        gzip.GzipFile(filename="", fileobj=buffer, mode="wb", mtime=0) as stream,
        tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for relative in tree_files(str(directory)):
            path = directory / relative
            content = path.read_bytes()
            entry = tarfile.TarInfo(relative)
            entry.size = len(content)
            entry.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
