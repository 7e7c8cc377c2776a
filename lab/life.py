"""A whole lab: up, down, and what stands between them after a crash."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from lab import disk, host, image, machine, network
from lab.offline import plugins
from lab.record import GATEWAY, VIRTUAL_IP, Host, Lab, load, named, save, write
from lab.shell import wait_until
from toolchain.cache import locked
from toolchain.prerequisites import provide, require_root
from toolchain.progress import step


def prepare() -> None:
    """Everything a lab command runs is on PATH. Raises Failure if that is not possible here."""
    require_root()
    provide()


def up(directory: Path, names: list[str], count: int | None, *, password_only: bool = False) -> Lab:
    """Hosts running and answering SSH; repeats whatever an earlier, interrupted run left undone."""
    prepare()
    base = image.ensure()
    with locked(directory / "lock"):
        lab = named(load(directory), names, count, password_only=password_only)
        save(lab)
        plugins.lay(lab)
        machine.register(lab.id, directory)
        lab = network.ensure(lab)
        disk.ensure_client_key(lab)
        for stray in _strays(lab):
            host.power_cut(lab, stray)
        running = host.processes(lab)
        wanted = [lab.host(name) for name in names] if names else list(lab.hosts)
        off = [one for one in wanted if one.number not in running]
        with step(f"starting {', '.join(one.name for one in off)}" if off else "asking the hosts"), _threads() as pool:
            list(pool.map(partial(disk.ensure, lab, image=base), off))
            disk.write_known_hosts(lab)
            _write_addresses(lab)
            list(pool.map(partial(host.start, lab), off))
            list(pool.map(partial(_await_ssh, lab), wanted))
    return lab


def start(lab: Lab, one: Host) -> None:
    """Switch one host on, if it is off, and wait until it answers (a host with its cable cut: until it has started)."""
    if one.number not in host.processes(lab):
        disk.ensure(lab, one, image.ensure())
        host.start(lab, one)
    _await_ssh(lab, one)


def down(directory: Path) -> None:
    """No host, no network, no setting of this lab is left, however the last command ended; keys and disks go too."""
    lab = load(directory)
    if not lab.hosts and not host.processes(lab) and not network.link_exists(lab.bridge):
        return
    prepare()
    with locked(directory / "lock"):
        lab = load(directory)
        with step("stopping the lab"), _threads() as pool:
            list(pool.map(partial(host.power_cut, lab), (*lab.hosts, *_strays(lab))))
            network.remove(lab)
        if (directory / "hosts").is_dir():
            shutil.rmtree(directory / "hosts")
        plugins.take_away(lab)
        for name in ("lab.json", "addresses.yaml", "known_hosts", "id_ed25519", "id_ed25519.pub"):
            (directory / name).unlink(missing_ok=True)
        machine.unregister(lab.id)
    (directory / "lock").unlink()


def _strays(lab: Lab) -> list[Host]:
    """Hosts that run although the record does not know them or their disk is gone: what a crash, or an rm, left."""
    known = {one.number for one in lab.hosts if lab.disk(one).is_dir()}
    return [Host(f"stray{number}", number) for number in host.processes(lab) if number not in known]


def _await_ssh(lab: Lab, one: Host) -> None:
    if not one.cut:
        address = lab.address(one.number)
        wait_until(lambda: host.answers_ssh(address), f"SSH of {one.name} at {address}", host.BOOT_SECONDS)


def _write_addresses(lab: Lab) -> None:
    """`.lab/addresses.yaml`: where the stack finds what it calls by name."""
    lines = [f"{one.name}: {lab.address(one.number)}" for one in lab.hosts]
    lines += [f"subnet: {lab.network}", f"web: {lab.address(VIRTUAL_IP)}/24", f"gateway: {lab.address(GATEWAY)}"]
    write(lab.directory / "addresses.yaml", "\n".join([*lines, ""]))


def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=16)
