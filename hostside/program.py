"""This program itself on the host: its file, the name people type, and the unit that recovers at boot."""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import dataclass

from . import store
from .machine import Machine, Owner
from .packages import POLICY

PLACE = "/usr/lib/soundstage"
LINK = "/usr/local/sbin/soundstage"
UNIT = "soundstage-recover.service"
_UNIT_PATH = f"/etc/systemd/system/{UNIT}"
_WANTED = f"/etc/systemd/system/sysinit.target.wants/{UNIT}"
OWN_PATHS = (LINK, _UNIT_PATH, _WANTED)
# Before the network and everything that reads configuration: files are put back before a daemon sees them.
_UNIT_TEXT = f"""\
[Unit]
Description=Undo a Soundstage change that a power cut interrupted or nobody confirmed
DefaultDependencies=no
ConditionDirectoryNotEmpty=|{store.JOURNALS}
ConditionPathExists=|{POLICY}
RequiresMountsFor={store.STATE} {PLACE}
After=local-fs.target
Before=sysinit.target network-pre.target nftables.service systemd-sysctl.service shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
ExecStart={LINK} recover --boot
TimeoutStartSec=90

[Install]
WantedBy=sysinit.target
"""


@dataclass(frozen=True)
class Program:
    """The packed program that runs now. The bytes are kept: the file may go while it runs."""

    content: bytes

    @property
    def name(self) -> str:
        """The first 16 digits of its sha256, what the controller knows it by."""
        return hashlib.sha256(self.content).hexdigest()[:16]


def running() -> Program | None:
    """The packed program this process was started from, or None when it runs from plain modules."""
    packed = os.path.realpath(sys.argv[0])
    if not packed.endswith(".pyz"):
        return None
    with open(packed, "rb") as stream:
        return Program(stream.read())


def install(machine: Machine, program: Program | None) -> None:
    """Makes the running program the host's own: file, name, recovery at boot; older files go. Raises OSError."""
    if program is None:
        return
    path = f"{PLACE}/{program.name}.pyz"
    if machine.lstat(path) is None:
        machine.make_directories(PLACE)
        machine.write(path, program.content, 0o755)
    if machine.owner(path) != Owner(0o755, 0, 0):
        machine.set_owner(path, Owner(0o755, 0, 0))
    if machine.link_target(LINK) != path:
        machine.make_directories(os.path.dirname(LINK))
        machine.stage_link(LINK, path)
        machine.put(LINK)
        machine.settle(os.path.dirname(LINK))
    for name in machine.names(PLACE):
        if name.endswith((".pyz", ".zip")) and not name.startswith(f"{program.name}."):
            machine.unlink(f"{PLACE}/{name}")
    if machine.read(_UNIT_PATH) != _UNIT_TEXT.encode():
        machine.make_directories(os.path.dirname(_WANTED))
        machine.write(_UNIT_PATH, _UNIT_TEXT.encode(), 0o644)
    if machine.link_target(_WANTED) != _UNIT_PATH:
        machine.make_directories(os.path.dirname(_WANTED))
        machine.stage_link(_WANTED, _UNIT_PATH)
        machine.put(_WANTED)
        machine.settle(os.path.dirname(_WANTED))
        machine.run(["systemctl", "daemon-reload"])


def uninstall_if_unused(machine: Machine) -> None:
    """With the last role everything of ours goes; while something is remembered, nothing does. Raises OSError."""
    if machine.names(store.MANIFESTS) or machine.names(store.JOURNALS) or store.created(machine) != store.Created():
        return
    had_unit = machine.lstat(_UNIT_PATH) is not None
    for path in (_WANTED, _UNIT_PATH, LINK):
        machine.unlink(path)
    machine.remove_empty_directory(os.path.dirname(_WANTED))
    machine.remove_tree(PLACE)
    if had_unit:
        machine.run(["systemctl", "daemon-reload"])
    machine.remove_tree(store.STATE)
