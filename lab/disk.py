"""The disk of a host: what differs from the base image, and the keys that make it this host."""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path

from lab import password_only
from lab.image import ARCHIVE
from lab.record import GATEWAY, Host, Lab, write
from lab.shell import output
from toolchain.cache import is_complete
from toolchain.failure import Failure

DEPLOY_USER, DEPLOY_UID = "deploy", 1000


def ensure_client_key(lab: Lab) -> None:
    """The key pair the controller logs in with."""
    key = lab.directory / "id_ed25519"
    if not key.is_file():
        lab.directory.mkdir(parents=True, exist_ok=True)
        fresh = lab.directory / ".id_ed25519.new"
        fresh.unlink(missing_ok=True)
        output(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"soundstage-lab-{lab.id}", "-f", str(fresh)])
        os.replace(f"{fresh}.pub", f"{key}.pub")
        os.replace(fresh, key)


def ensure(lab: Lab, host: Host, image: Path) -> None:
    """Make the host's disk if there is none, and write its present address on it."""
    disk = lab.disk(host)
    if not disk.is_dir():
        part = disk.with_name(f".{host.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        _make(host, part)
        if host.password_only:
            password_only.make(part, image / "root")
        else:
            _let_in(lab, part)
        write(part / "image", f"{image}\n")
        part.rename(disk)
    addresses = f"Address={lab.address(host.number)}/24\nGateway={lab.address(GATEWAY)}\n"
    network = f"[Match]\nName=host0\n\n[Network]\n{addresses}"
    write(disk / "upper/etc/systemd/network/10-host0.network", network)


def image_of(lab: Lab, host: Host) -> Path:
    """The image this disk lies on: a disk keeps the one it was made with. Raises Failure if the cache lost it."""
    image = Path((lab.disk(host) / "image").read_text().strip())
    if not is_complete(image):
        raise Failure(f"the image under {host.name} is gone from the cache: ./lab/lab down, then ./lab/lab up")
    return image


def _make(host: Host, part: Path) -> None:
    upper = part / "upper"
    for directory in (upper / "etc/ssh", part / "work", part / "root"):
        directory.mkdir(parents=True)
    output(["ssh-keygen", "-q", "-A", "-f", str(upper)])
    write(upper / "etc/hostname", f"{host.name}\n")
    write(upper / "etc/hosts", f"127.0.0.1 localhost\n127.0.1.1 {host.name}\n::1 localhost\n")
    write(upper / "etc/machine-id", f"{uuid.uuid4().hex}\n", 0o444)
    write(upper / "etc/resolv.conf", _resolvers())


def _let_in(lab: Lab, part: Path) -> None:
    """The deploy user of the base image gets the controller's key."""
    home = part / "upper" / "home" / DEPLOY_USER
    write(home / ".ssh/authorized_keys", (lab.directory / "id_ed25519.pub").read_text(), 0o600)
    (home / ".ssh").chmod(0o700)
    for path in (home, home / ".ssh", home / ".ssh/authorized_keys"):
        os.chown(path, DEPLOY_UID, DEPLOY_UID)


def _resolvers() -> str:
    """The machine's name servers, unless they answer only the machine itself."""
    lines = Path("/etc/resolv.conf").read_text().splitlines() if Path("/etc/resolv.conf").is_file() else []
    return "".join(f"{line}\n" for line in lines if line.startswith("nameserver") and " 127." not in line)


def write_known_hosts(lab: Lab) -> None:
    """`.lab/known_hosts`: every host's own keys by its address."""
    lines = [
        f"{lab.address(host.number)} {' '.join(key.read_text().split()[:2])}\n"
        for host in lab.hosts
        if lab.disk(host).is_dir()
        for key in sorted((lab.disk(host) / "upper/etc/ssh").glob("ssh_host_*_key.pub"))
    ]
    write(lab.directory / "known_hosts", "".join(lines))


def archive_bind(image: Path) -> str:
    """The argument that shows the package archive to a host."""
    return f"--bind-ro={image / 'archive'}:{ARCHIVE}"
