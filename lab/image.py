"""The file system every host starts from, and the archive its packages come from; both made once, in the cache."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from lab.shell import output
from toolchain.cache import PROJECT, entry, key_of
from toolchain.prerequisites import keyring, provide
from toolchain.progress import run, step

SUITE = "bookworm"
BASE_PACKAGES = (
    "systemd,systemd-sysv,dbus,openssh-server,sudo,python3,iproute2,procps,iputils-ping,ca-certificates,libcap2-bin"
)
"""What a server has when somebody hands it over: systemd, sshd, sudo, python3. No daemon of ours."""
ARCHIVE = "/srv/archive"
"""Where a host sees the package archive."""
SETUP = PROJECT / "lab" / "base.sh"
PACKAGES = PROJECT / "lab" / "packages.txt"


def ensure() -> Path:
    """The directory with `root` (a Debian 12) and `archive` (an apt repository)."""
    key = key_of(SUITE, BASE_PACKAGES, SETUP.read_bytes(), PACKAGES.read_bytes(), Path(__file__).read_bytes())
    return entry("image", f"{SUITE}-{key}", _build)


def _build(part: Path) -> None:
    archive = part / "archive"
    (archive / "partial").mkdir(parents=True)
    fetches = [f"--customize-hook={_fetch(archive, line)}" for line in _installations()]
    # Its mounts live in a namespace of their own, so a killed run leaves none behind.
    command = ["unshare", "--mount", "--propagation", "private", "mmdebstrap", "--mode=root", "--variant=minbase"]
    command += [
        '--aptopt=APT::Install-Recommends "false"',
        *_proxies(),
        f"--keyring={keyring(provide())}",
        f"--include={BASE_PACKAGES}",
        *fetches,
    ]
    command += [SUITE, str(part / "root")]
    mirror = os.environ.get("SOUNDSTAGE_DEBIAN_MIRROR")
    run([*command, mirror] if mirror else command, "building the lab's Debian 12 and its package archive (once)")
    shutil.rmtree(archive / "partial")
    with step("indexing the package archive"):
        (archive / "Packages").write_text("\n".join(_index(archive)))
    setup = ["unshare", "--mount", "--propagation", "private"]
    setup += ["sh", str(SETUP), str(part / "root"), str(archive), ARCHIVE]
    run(setup, "setting up the lab's Debian 12")


def _installations() -> list[str]:
    lines = (line.strip() for line in PACKAGES.read_text().splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _fetch(archive: Path, packages: str) -> str:
    # Re-installed as well, so that the archive also holds what the base has.
    options = f"-o Dir::Cache::Archives={shlex.quote(str(archive))} install --yes --download-only --reinstall"
    return f'APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get {options} --no-install-recommends {packages}'


def _proxies() -> list[str]:
    dump = output(["apt-config", "dump", "--format", '%f "%v";%n', "Acquire::http", "Acquire::https"])
    return [f"--aptopt={line}" for line in dump.splitlines() if '""' not in line]


def _index(archive: Path) -> Iterator[str]:
    for package in sorted(archive.glob("*.deb")):
        fields = subprocess.run(["dpkg-deb", "--field", package], check=True, capture_output=True, text=True).stdout
        data = package.read_bytes()
        found = f"Filename: ./{package.name}\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}"
        yield f"{fields.rstrip()}\n{found}\n"
