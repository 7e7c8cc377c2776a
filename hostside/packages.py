"""Debian packages: what is installed, installing without starting daemons, holding, and taking away."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from collections.abc import Collection, Generator, Mapping, Sequence
from typing import Callable, NamedTuple

from .commands import Answer
from .failure import Failure
from .machine import Machine

Progress = Callable[[str], None]

STATUS = "/var/lib/dpkg/status"
POLICY = "/usr/sbin/policy-rc.d"
_POLICY_TEXT = (
    b"#!/bin/sh\n# soundstage: a daemon starts when its files are there, not when it is installed\nexit 101\n"
)
_LOCKS = (
    "/var/lib/dpkg/lock-frontend",
    "/var/lib/dpkg/lock",
    "/var/cache/apt/archives/lock",
    "/var/lib/apt/lists/lock",
)
_LOCK_WAIT_SECONDS = 900.0
_POLL_SECONDS = 0.5
_APT_SECONDS = 1800
_APT = (
    "apt-get", "--yes", "--no-install-recommends",
    "-o", "DPkg::Lock::Timeout=120",
    "-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold",
)  # fmt: skip
_ENVIRONMENT = {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1", "APT_LISTCHANGES_FRONTEND": "none"}
_WHOLE = ("installed", "not-installed", "config-files", "triggers-pending", "triggers-awaited")
_RECORD = re.compile(
    rb"^Package: (\S+)\n(?:(?!Status:).+\n)*?Status: (\S+) \S+ (\S+)$(?:\n(?!\n).*)*?\nVersion: (\S+)$", re.MULTILINE
)


class Package(NamedTuple):
    """A package as dpkg knows it."""

    version: str
    state: str
    held: bool

    @property
    def installed(self) -> bool:
        """Whether its files are there and configured."""
        return self.state in ("installed", "triggers-pending", "triggers-awaited")


class Packages:
    """dpkg's data base, read only again when it has changed."""

    def __init__(self) -> None:
        self._stamp: tuple[int, int, int] = (0, 0, 0)
        self._known: Mapping[str, Package] = {}

    def refresh(self, machine: Machine) -> None:
        """Reads it when it has changed."""
        self.read(machine)

    def read(self, machine: Machine) -> Mapping[str, Package]:
        """Every package dpkg knows, by name."""
        found = machine.lstat(STATUS)
        stamp = (found.st_mtime_ns, found.st_ino, found.st_size) if found else (0, 0, 0)
        if stamp != self._stamp:
            self._known = parse(machine.read(STATUS) or b"")
            self._stamp = stamp
        return self._known


def parse(status: bytes) -> dict[str, Package]:
    """Dpkg's status file as packages; of several architectures the installed one counts."""
    known: dict[str, Package] = {}
    for name, want, state, version in _RECORD.findall(status):
        package = Package(version.decode(), state.decode(), want == b"hold")
        before = known.get(name.decode())
        if before is None or package.installed:
            known[name.decode()] = package
    return known


def interrupted(machine: Machine, known: Mapping[str, Package]) -> bool:
    """Whether a dpkg run ended half way."""
    unmerged = any(name.isdigit() for name in machine.names("/var/lib/dpkg/updates"))
    return unmerged or any(package.state not in _WHOLE for package in known.values())


def make_ready(machine: Machine, known: Mapping[str, Package], progress: Progress) -> None:
    """Waits for other package tools and finishes what one of them left half done. Raises Failure."""
    wait_for_locks(machine, progress)
    if interrupted(machine, known):
        repair(machine, progress)


def wait_for_locks(machine: Machine, progress: Progress) -> None:
    """Waits until no other package tool works; says once who does. Raises Failure after 15 minutes."""
    deadline = machine.monotonic() + _LOCK_WAIT_SECONDS
    said = False
    while True:
        holder = next(filter(None, (_holder(machine, path) for path in _LOCKS)), "")
        if not holder:
            return
        if not said:
            progress(f"waiting for {holder} to release the package lock")
            said = True
        if machine.monotonic() > deadline:
            raise Failure("packages", f"{holder} has held the package lock for {_LOCK_WAIT_SECONDS:g} s")
        machine.wait(_POLL_SECONDS)


def repair(machine: Machine, progress: Progress) -> None:
    """Finishes what an interrupted dpkg left. Raises Failure."""
    progress("repairing an interrupted dpkg")
    configure = ["dpkg", "--force-confdef", "--force-confold", "--configure", "-a"]
    with no_daemon_starts(machine):
        for argv in (configure, [*_APT, "--fix-broken", "install"]):
            said = machine.run(argv, _APT_SECONDS, environment=_ENVIRONMENT)
            if said.status != 0:
                raise Failure("packages", f"{argv[0]} cannot repair the packages: {_last_lines(said)}")


def would_install(machine: Machine, wanted: Mapping[str, str], progress: Progress) -> list[str]:
    """The names apt would newly install for these packages, dependencies included. Raises Failure."""
    argv = [*_APT, "--allow-downgrades", "--allow-change-held-packages", "--simulate", "install", *_asked(wanted)]
    said = machine.ask(argv, _APT_SECONDS)
    if said.status != 0:
        progress("updating the package lists")
        update = machine.run([*_APT, "update"], _APT_SECONDS, environment=_ENVIRONMENT)
        said = machine.ask(argv, _APT_SECONDS)
        if said.status != 0:
            raise Failure("packages", f"apt cannot install {', '.join(_asked(wanted))}: {_last_lines(said, update)}")
    # "Inst name [old version] (…)" is an upgrade, without the bracket it is new.
    return re.findall(r"(?m)^Inst (\S+) \((?:.*)$", said.stdout)


def install(machine: Machine, wanted: Mapping[str, str], progress: Progress) -> None:
    """Installs packages; no daemon is started by it. Raises Failure."""
    progress(f"installing {', '.join(wanted)}")
    argv = [*_APT, "--allow-downgrades", "--allow-change-held-packages", "install", *_asked(wanted)]
    with no_daemon_starts(machine):
        said = machine.run(argv, _APT_SECONDS, environment=_ENVIRONMENT)
        if said.status != 0:
            # Lists older than the archive name files that are gone.
            progress("updating the package lists")
            machine.run([*_APT, "update"], _APT_SECONDS, environment=_ENVIRONMENT)
            said = machine.run(argv, _APT_SECONDS, environment=_ENVIRONMENT)
    if said.status != 0:
        raise Failure("packages", f"apt cannot install {', '.join(_asked(wanted))}: {_last_lines(said)}")


def hold(machine: Machine, names: Sequence[str], *, held: bool) -> None:
    """Holds packages at their version, or lets them move again. Raises Failure."""
    if names:
        said = machine.run(["apt-mark", "hold" if held else "unhold", *names])
        if said.status != 0:
            raise Failure("packages", f"apt-mark: {said.text}")


def remove(
    machine: Machine, names: Sequence[str], configured: Collection[str], data: Sequence[str], progress: Progress
) -> None:
    """Takes packages away with their configuration, unless it is `configured` or may delete `data`. Raises Failure."""
    progress(f"removing {', '.join(names)}")
    careful = [name for name in names if name in configured or _purge_may_delete(machine, name, data)]
    with no_daemon_starts(machine):
        for verb, some in (("purge", [name for name in names if name not in careful]), ("remove", careful)):
            if some:
                argv = [*_APT, "--allow-change-held-packages", verb, *some]
                said = machine.run(argv, _APT_SECONDS, environment=_ENVIRONMENT)
                if said.status != 0:
                    raise Failure("packages", f"apt cannot remove {', '.join(some)}: {_last_lines(said)}")


def needless(machine: Machine) -> set[str]:
    """The dependencies that nothing needs any more, as apt sees it; to be suggested by another is no need."""
    options = [f"--option=APT::AutoRemove::{kind}Important=false" for kind in ("Recommends", "Suggests")]
    said = machine.ask([*_APT, *options, "--simulate", "autoremove"], _APT_SECONDS)
    return set(re.findall(r"(?m)^Remv (\S+)", said.stdout))


def restore_policy(machine: Machine) -> None:
    """Takes our policy-rc.d away, also after a power cut, and puts back the one that was there."""
    if machine.read(POLICY) == _POLICY_TEXT:
        machine.unlink(POLICY)
    if machine.lstat(_kept_policy()) is not None:
        machine.move(_kept_policy(), POLICY)


@contextlib.contextmanager
def no_daemon_starts(machine: Machine) -> Generator[None, None, None]:
    """Until it ends, no daemon is started by being installed."""
    if machine.lstat(POLICY) is not None and machine.read(POLICY) != _POLICY_TEXT:
        machine.move(POLICY, _kept_policy())
    machine.write(POLICY, _POLICY_TEXT, 0o755)
    try:
        yield
    finally:
        restore_policy(machine)


def _purge_may_delete(machine: Machine, name: str, data: Sequence[str]) -> bool:
    """Whether the package's last script speaks of a place (/var/lib/name) where data lies that must stay."""
    script = machine.text(f"/var/lib/dpkg/info/{name}.postrm")
    return any("/".join(path.split("/")[:4]) in script for path in data)


def _kept_policy() -> str:
    return f"{POLICY}.soundstage-kept"


def _holder(machine: Machine, path: str) -> str:
    """Who holds a lock file, empty when nobody does. Taking the lock for a moment asks without guessing."""
    try:
        descriptor = os.open(machine.at(path), os.O_RDWR)
    except OSError:
        return ""
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        inode = os.fstat(descriptor).st_ino
        found = re.search(rf"(?m)^\d+: POSIX\s+\S+\s+WRITE (\d+) \S+:{inode} ", machine.text("/proc/locks"))
        name = machine.text(f"/proc/{found.group(1)}/comm").strip() if found else ""
        return f"{name} (process {found.group(1)})" if found and name else "another package tool"
    finally:
        os.close(descriptor)
    return ""


def _asked(wanted: Mapping[str, str]) -> list[str]:
    return [f"{name}={version}" if version else name for name, version in sorted(wanted.items())]


def _last_lines(*answers: Answer) -> str:
    lines = [line for answer in answers for line in answer.text.splitlines() if line.startswith(("E:", "dpkg:", "W:"))]
    return " ".join(lines[-6:]) or answers[-1].text[-500:]
