"""Validation in a private view of the disk: the daemon's own checker sees the host as the change will leave it.

A child leaves the mount namespace, lays an overlay over each top directory the change touches, and does the
very same swap there. Real paths, certificates and includes are checked as they will be; nothing of it is ever
on the disk, and it ends with the child.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable, Sequence

from .failure import Failure
from .machine import Machine
from .store import STATE
from .swap import Changes, swap
from .values import Check

_CLONE_NEWNS = 0x00020000
_MS_REC_PRIVATE = 0x4000 | 0x40000
_SHOWN = 3000
_GOOD = "good"
_SETUP = "the private view for the check cannot be made"


def validate(machine: Machine, changes: Changes, checks: Sequence[Check]) -> None:
    """Runs the checks on the changed view. Raises Failure with what the first refusing checker said."""
    if not checks:
        return
    heard, said = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(heard)
        _report(said, machine, changes, checks)
    os.close(said)
    with os.fdopen(heard, "rb") as stream:
        verdict = stream.read().decode("utf-8", "replace")
    os.waitpid(child, 0)
    if verdict != _GOOD:
        raise Failure("validate", verdict or f"{_SETUP}: its process ended")


def missing_tops(machine: Machine, changes: Changes) -> list[str]:
    """The top directories a change makes: they must be there before something can be laid over them."""
    tops = {"/" + path.split("/")[1] for path in [*changes.files, *changes.links, *changes.directories]}
    return sorted(top for top in tops if not machine.is_directory(top))


def _report(descriptor: int, machine: Machine, changes: Changes, checks: Sequence[Check]) -> None:
    """Writes the verdict and never returns."""
    try:
        try:
            verdict = _verdict(machine, changes, checks)
        except OSError as error:
            verdict = f"{_SETUP}: {error}"
        os.write(descriptor, verdict.encode())
    finally:
        os._exit(0)


def _verdict(machine: Machine, changes: Changes, checks: Sequence[Check]) -> str:
    _leave_namespace(machine, _tops(machine, [*changes.paths, *changes.directories]))
    swap(machine, changes)
    for check in checks:
        answer = machine.ask(check.argv, check.timeout_seconds)
        if answer.status not in check.accept:
            return f"{' '.join(check.argv)} refuses (exit status {answer.status}): {answer.text[-_SHOWN:]}"
    return _GOOD


def _tops(machine: Machine, paths: Iterable[str]) -> list[str]:
    """The real top directories below which the paths lie; the one with our own state comes last."""
    tops: set[str] = set()
    for path in paths:
        parent = os.path.dirname(path)
        while not machine.is_directory(parent):
            parent = os.path.dirname(parent)
        real = os.path.realpath(machine.at(parent))
        inside = os.path.relpath(real, os.path.realpath(machine.at("/")))
        tops.add(machine.at("/" + inside.split("/")[0]))
    return sorted(tops, key=lambda top: machine.at(STATE).startswith(top + "/"))


def _leave_namespace(machine: Machine, tops: Sequence[str]) -> None:
    library = ctypes.CDLL(None, use_errno=True)

    def call(name: str, *arguments: object) -> None:
        if getattr(library, name)(*arguments) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"{name}: {os.strerror(number)}")

    scratch = machine.at(STATE)
    call("unshare", _CLONE_NEWNS)
    call("mount", b"none", b"/", None, ctypes.c_ulong(_MS_REC_PRIVATE), None)
    call("mount", b"tmpfs", scratch.encode(), b"tmpfs", ctypes.c_ulong(0), b"mode=0700")
    for index, top in enumerate(tops):
        upper, work = f"{scratch}/{index}", f"{scratch}/{index}.work"
        found = os.stat(top)
        os.mkdir(upper)
        os.chown(upper, found.st_uid, found.st_gid)
        os.chmod(upper, found.st_mode & 0o7777)
        os.mkdir(work)
        options = f"lowerdir={top},upperdir={upper},workdir={work}"
        call("mount", b"overlay", top.encode(), b"overlay", ctypes.c_ulong(0), options.encode())
