"""The one object through which everything that happens to the host happens.

`root` redirects every path, so that a test owns a whole world; `effect` is called before each single change,
so that a test can record the order of changes or cut the power between any two of them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .commands import Answer, execute


class Owner(NamedTuple):
    """Mode bits and numeric owner and group of a path."""

    mode: int
    uid: int
    gid: int


class Machine:
    """The host. Paths are the host's own; every method that changes something announces it to `effect` first."""

    def __init__(self, root: str = "/") -> None:
        self.root = root.rstrip("/")

    def at(self, path: str) -> str:
        """Where the host's `path` really lies."""
        return self.root + path if self.root else path

    def effect(self, what: str) -> None:
        """Called before every single change with a word for it."""

    # Looking

    def lstat(self, path: str) -> os.stat_result | None:
        """The inode data of `path` itself, or None when there is nothing."""
        try:
            return os.lstat(self.at(path))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def owner(self, path: str) -> Owner | None:
        """Mode, owner and group of `path` itself, or None when there is nothing."""
        found = self.lstat(path)
        return None if found is None else Owner(stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid)

    def is_directory(self, path: str) -> bool:
        """Whether `path` is a directory (a link to one counts)."""
        return os.path.isdir(self.at(path))

    def read(self, path: str) -> bytes | None:
        """The content of a file, or None when it is not there."""
        try:
            with open(self.at(path), "rb") as stream:
                return stream.read()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def writable(self, path: str) -> bool:
        """Whether writing to an existing file is allowed (modes and read-only mounts count for root too)."""
        return os.access(self.at(path), os.W_OK)

    def text(self, path: str) -> str:
        """The content of a file as text, empty when it is not there."""
        return (self.read(path) or b"").decode("utf-8", "replace")

    def link_target(self, path: str) -> str | None:
        """Where the symbolic link `path` points, or None when it is none."""
        try:
            return os.readlink(self.at(path))
        except OSError:
            return None

    def names(self, path: str) -> list[str]:
        """The sorted names in a directory, none when it is not there."""
        try:
            return sorted(os.listdir(self.at(path)))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def ask(self, argv: Sequence[str], timeout: float = 60, stdin: str = "") -> Answer:
        """Runs a command that changes nothing."""
        return execute(argv, timeout, stdin)

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that never jump."""
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        """Lets time pass between two questions."""
        time.sleep(max(0.0, seconds))

    # Changing

    def stage(self, path: str, content: bytes, owner: Owner) -> None:
        """Writes and syncs the new content of `path` beside it; `put` makes it real."""
        temporary = self.at(staged_name(path))
        self.effect(f"write {path}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            os.fchown(stream.fileno(), owner.uid, owner.gid)
            os.fchmod(stream.fileno(), owner.mode)
            stream.write(content)
            stream.flush()
            self.effect(f"fsync {path}")
            os.fsync(stream.fileno())

    def stage_link(self, path: str, target: str) -> None:
        """Makes a symbolic link to `target` beside `path`; `put` makes it real."""
        self.unlink(staged_name(path))
        self.effect(f"link {path}")
        os.symlink(target, self.at(staged_name(path)))

    def put(self, path: str) -> None:
        """Replaces `path` by what was staged: a reader sees the old or the new one, never half of it."""
        self.effect(f"replace {path}")
        os.replace(self.at(staged_name(path)), self.at(path))
        # Two names of one inode: the rename did nothing and left both.
        self.unlink(staged_name(path))

    def settle(self, directory: str) -> None:
        """Makes the names in `directory` durable."""
        self.effect(f"fsync directory {directory}")
        descriptor = os.open(self.at(directory), os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def write(self, path: str, content: bytes, mode: int = 0o600) -> None:
        """Replaces a file of root, durable on return."""
        self.stage(path, content, Owner(mode, 0, 0))
        self.put(path)
        self.settle(os.path.dirname(path))

    def set_owner(self, path: str, owner: Owner) -> None:
        """Sets mode, owner and group of something that is no link."""
        self.effect(f"own {path}")
        os.chown(self.at(path), owner.uid, owner.gid)
        os.chmod(self.at(path), owner.mode)

    def hand_over(self, path: str, before: Owner, after: Owner) -> None:
        """Gives what belongs to user or group `before` in a directory to `after`, the directory itself last."""
        self.effect(f"hand over what is in {path}")
        # Within the open directory and not through links: whoever owned it may put one anywhere, at any moment.
        for _, directories, files, inside in os.fwalk(self.at(path), topdown=False):
            for name in (*directories, *files):
                _hand_over(name, before, after, inside)
        self.settle(path)
        self.effect(f"hand over {path}")
        _hand_over(self.at(path), before, after)

    def make_directory(self, path: str, owner: Owner) -> None:
        """Makes one directory; its parent must be there."""
        self.effect(f"mkdir {path}")
        os.mkdir(self.at(path), 0o700)
        os.chown(self.at(path), owner.uid, owner.gid)
        os.chmod(self.at(path), owner.mode)

    def make_directories(self, path: str) -> None:
        """Makes a directory of root that everybody may enter, with its parents, unless it is there."""
        if not self.is_directory(path):
            self.make_directories(os.path.dirname(path))
            # The first applies on a host run side by side: another one may have made it by now.
            with contextlib.suppress(FileExistsError):
                self.make_directory(path, Owner(0o755, 0, 0))

    def make_private(self, path: str) -> None:
        """Makes a directory of root that nobody else enters, with its parents, unless it is there."""
        if not self.is_directory(path):
            parent = os.path.dirname(path)
            if not self.is_directory(parent):
                self.make_private(parent)
            with contextlib.suppress(FileExistsError):
                self.make_directory(path, Owner(0o700, 0, 0))
            self.settle(parent)

    def unlink(self, path: str) -> None:
        """Removes a file or link unless it is gone."""
        if self.lstat(path) is not None:
            self.effect(f"unlink {path}")
            os.unlink(self.at(path))

    def remove_empty_directory(self, path: str) -> bool:
        """Removes a directory unless something is in it; whether it is gone."""
        if self.lstat(path) is None:
            return True
        self.effect(f"rmdir {path}")
        try:
            os.rmdir(self.at(path))
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.EBUSY):
                return False
            raise
        return True

    def remove_tree(self, path: str) -> None:
        """Removes a directory of ours with all that is in it."""
        if self.lstat(path) is not None:
            self.effect(f"rmtree {path}")
            shutil.rmtree(self.at(path))

    def move(self, source: str, target: str) -> None:
        """Puts `source` in the place of `target`, over file systems too, and makes it durable."""
        self.effect(f"move {source} {target}")
        try:
            os.replace(self.at(source), self.at(target))
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            self.copy(source, staged_name(target))
            self.put(target)
        # Two names of one inode: the rename did nothing and left both.
        self.unlink(source)
        self.settle(os.path.dirname(target))

    def copy(self, source: str, target: str) -> None:
        """Makes `target` a second name or an equal copy of `source`: content, mode, owner, link target."""
        self.unlink(target)
        self.effect(f"copy {source} {target}")
        # A second name needs no space, so that a full disk can still be put back.
        with contextlib.suppress(OSError):
            os.link(self.at(source), self.at(target), follow_symlinks=False)
            return
        if self.link_target(source) is None:
            found = os.lstat(self.at(source))
            shutil.copyfile(self.at(source), self.at(target))
            os.chown(self.at(target), found.st_uid, found.st_gid)
            shutil.copystat(self.at(source), self.at(target))
        else:
            os.symlink(os.readlink(self.at(source)), self.at(target))

    def sync(self, path: str) -> None:
        """Makes the content of a file durable; a link has none."""
        if self.link_target(path) is None:
            self.effect(f"fsync {path}")
            descriptor = os.open(self.at(path), os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def set_kernel(self, path: str, value: str) -> None:
        """Writes a file of the kernel (below /proc/sys). Raises OSError when it refuses."""
        self.effect(f"set {path}")
        descriptor = os.open(self.at(path), os.O_WRONLY)
        try:
            os.write(descriptor, value.encode())
        finally:
            os.close(descriptor)

    def run(
        self, argv: Sequence[str], timeout: float = 600, stdin: str = "", environment: Mapping[str, str] | None = None
    ) -> Answer:
        """Runs a command that changes the host."""
        self.effect("run " + " ".join(argv))
        return execute(argv, timeout, stdin, environment)


def _hand_over(name: str, before: Owner, after: Owner, inside: int | None = None) -> None:
    found = os.stat(name, dir_fd=inside, follow_symlinks=False)
    uid = after.uid if found.st_uid == before.uid else found.st_uid
    gid = after.gid if found.st_gid == before.gid else found.st_gid
    if (uid, gid) != (found.st_uid, found.st_gid):
        os.chown(name, uid, gid, dir_fd=inside, follow_symlinks=False)


def staged_name(path: str) -> str:
    """Where the next content of `path` waits: hidden, and with an ending no daemon's `*.conf` picks up."""
    return os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.soundstage")


def is_staged(name: str) -> bool:
    """Whether a file name is one of `staged_name`."""
    return name.startswith(".") and name.endswith(".soundstage")
