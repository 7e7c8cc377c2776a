"""Commands of the distribution, without installing anything on the machine.

What is on PATH is used. What is missing is fetched by the machine's own apt, with the libraries it needs, unpacked
into the cache and reached through small wrappers.
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from toolchain.cache import cache_root, entry, key_of, path_of_the_machine
from toolchain.failure import Failure
from toolchain.progress import run

PACKAGE_OF = {
    "ip": "iproute2",
    "mmdebstrap": "mmdebstrap",
    "nft": "nftables",
    "nsenter": "util-linux",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "systemd-nspawn": "systemd-container",
    "unshare": "util-linux",
    "wrk": "wrk",
}
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
"""What Debian's packages are signed with; Ubuntu has it in a package of its own."""
NEVER_UNPACKED = ("libc6_", "libc-bin_", "util-linux_")
"""These must be the machine's own: they belong to its loader and kernel."""


def require_root() -> None:
    """Raises Failure unless this is root on a system with apt."""
    if os.geteuid() != 0:
        raise Failure("the lab needs root (namespaces, a bridge, NAT): run it with sudo, or as root")
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise Failure("apt-get and dpkg-deb are missing: the lab works on Debian 12 or newer and Ubuntu 22.04 or newer")


def provide() -> Path | None:
    """Put every command on this process's PATH; returns the directory of wrappers, or None if nothing was missing.

    Raises Failure if a package cannot be fetched.
    """
    path = path_of_the_machine()
    missing = {package for command, package in PACKAGE_OF.items() if shutil.which(command, path=path) is None}
    missing |= set() if KEYRING.is_file() else {"debian-archive-keyring"}
    if not missing:
        return None
    require_root()
    system = platform.freedesktop_os_release()
    name = f"{system['ID']}-{system.get('VERSION_ID', 'rolling')}-{key_of(platform.machine(), *sorted(missing))}"
    directory = entry("prerequisites", name, lambda part: _fetch(part, sorted(missing))) / "bin"
    os.environ["PATH"] = f"{directory}{os.pathsep}{os.environ['PATH']}"
    for command, package in PACKAGE_OF.items():
        if shutil.which(command) is None:
            raise Failure(f"{command} is missing: apt-get install {package}")
    return directory


def keyring(wrappers: Path | None) -> Path:
    """Debian's keyring, on the machine or beside the `wrappers` that `provide` returned."""
    return KEYRING if KEYRING.is_file() or wrappers is None else wrappers.parent / "root" / KEYRING.relative_to("/")


def _fetch(part: Path, packages: Sequence[str]) -> None:
    lists, archives = cache_root() / "apt-lists", part / "archives"
    for directory in (lists, archives):
        (directory / "partial").mkdir(parents=True, exist_ok=True)
    apt = ["apt-get", "-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache::Archives={archives}"]
    apt += ["-o", "APT::Sandbox::User=root", "-o", "Acquire::Languages=none"]
    run([*apt, "update"], "reading the package lists")
    install = ["install", "--yes", "--download-only", "--no-install-recommends", *packages]
    run([*apt, *install], f"fetching {', '.join(packages)}")
    root = part / "root"
    for archive in sorted(archives.glob("*.deb")):
        if not archive.name.startswith(NEVER_UNPACKED):
            subprocess.run(["dpkg-deb", "--extract", archive, root], check=True)
    shutil.rmtree(archives)
    _write_wrappers(part, root)


def _write_wrappers(part: Path, root: Path) -> None:
    libraries = sorted({path.parent.relative_to(root) for path in root.rglob("*.so*")})
    search = ":".join(f'"$root"/{shlex.quote(str(path))}' for path in libraries)
    (part / "bin").mkdir()
    for command in PACKAGE_OF:
        for folder in ("usr/bin", "usr/sbin", "bin", "sbin"):
            program = root / folder / command
            if program.is_file():
                wrapper = part / "bin" / command
                wrapper.write_text(_wrapper(f"{folder}/{command}", search if _is_elf(program) else ""))
                wrapper.chmod(0o755)
                break


def _wrapper(program: str, search: str) -> str:
    lines = ["#!/bin/sh", 'root=$(dirname -- "$(dirname -- "$(readlink -f -- "$0")")")/root']
    if search:
        lines += [f"LD_LIBRARY_PATH={search}", "export LD_LIBRARY_PATH"]
    return "\n".join([*lines, f'exec "$root"/{program} "$@"', ""])


def _is_elf(program: Path) -> bool:
    with program.open("rb") as handle:
        return handle.read(4) == b"\x7fELF"
