"""Release trees: their digest, the same on both ends, and how an archive becomes one."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tarfile
from collections.abc import Iterator
from typing import IO

_CHUNK = 1 << 20


class BadArchive(ValueError):
    """An archive that cannot become a release tree; the text says which member and why."""


def sha256_of_file(path: str) -> str:
    """The sha256 of a file's content, in hexadecimal. Raises OSError."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while True:
            chunk = stream.read(_CHUNK)
            if not chunk:
                return digest.hexdigest()
            digest.update(chunk)


def tree_digest(path: str) -> str:
    """The identity of the directory `path`: what its files are called, hold, and whether they are executable.

    sha256 over sorted lines "relative path NUL octal mode NUL sha256(content) LF"; the mode is 0644 or 0755;
    `__pycache__` and everything that starts with a dot stays out. Raises OSError.
    """
    digest = hashlib.sha256()
    for relative in tree_files(path):
        full = os.path.join(path, relative)
        mode = "0755" if os.stat(full).st_mode & stat.S_IXUSR else "0644"
        digest.update(f"{relative}\0{mode}\0{sha256_of_file(full)}\n".encode())
    return digest.hexdigest()


def tree_files(path: str) -> list[str]:
    """The relative paths that `tree_digest` looks at, sorted."""
    return sorted(_walk(path))


def tree_stamp(path: str) -> str:
    """A cheap fingerprint from inode data: while it is the same, nobody touched the tree. Raises OSError."""
    digest = hashlib.sha256()
    for relative in tree_files(path):
        at = os.lstat(os.path.join(path, relative))
        digest.update(f"{relative}\0{at.st_ino}\0{at.st_mode:o}\0{at.st_size}\0{at.st_ctime_ns}\n".encode())
    return digest.hexdigest()


def unpack(archive: str, directory: str, name: str) -> None:
    """Makes `directory` (which must not exist) hold the members of a tar archive, or the file itself as `name`.

    Owner and group are root, modes 0755 or 0644, and every file is synced. Raises BadArchive for members that
    are no plain files, directories or links inside the tree, and OSError.
    """
    os.mkdir(directory, 0o755)
    _extract(archive, directory, name)
    for inner, _, _ in os.walk(directory):
        descriptor = os.open(inner, os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(descriptor)
        os.close(descriptor)


def _extract(archive: str, directory: str, name: str) -> None:
    if not tarfile.is_tarfile(archive):
        with open(archive, "rb") as stream:
            _write(os.path.join(directory, name), stream, executable=True)
        return
    with tarfile.open(archive) as tar:
        for member in tar:
            relative = os.path.normpath(member.name)
            if relative.startswith(("/", "..")):
                raise BadArchive(f"{member.name} lies outside the archive")
            target = os.path.join(directory, relative)
            os.makedirs(target if member.isdir() else os.path.dirname(target), 0o755, exist_ok=True)
            if member.isfile():
                content = tar.extractfile(member)
                if content is not None:
                    _write(target, content, executable=bool(member.mode & stat.S_IXUSR))
            elif member.issym() and _stays_inside(relative, member.linkname):
                os.symlink(member.linkname, target)
            elif not member.isdir():
                raise BadArchive(f"{member.name} is neither a file, a directory nor a link inside the archive")


def _walk(top: str, prefix: str = "") -> Iterator[str]:
    with os.scandir(os.path.join(top, prefix)) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name == "__pycache__":
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(top, f"{prefix}{entry.name}/")
            elif entry.is_file():
                yield prefix + entry.name


def _stays_inside(relative: str, link: str) -> bool:
    reached = os.path.normpath(os.path.join(os.path.dirname(relative), link))
    return not link.startswith("/") and not reached.startswith("..")


def _write(path: str, source: IO[bytes], *, executable: bool) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o755 if executable else 0o644)
    with os.fdopen(descriptor, "wb") as stream:
        shutil.copyfileobj(source, stream, _CHUNK)
        os.fchmod(stream.fileno(), 0o755 if executable else 0o644)
        stream.flush()
        os.fsync(stream.fileno())
