"""A whole small host below a temporary root: files are real, systemd, apt and accounts are played.

The players refuse worlds that cannot exist: a unit without a definition does not start, one that does not run
is not reloaded, a package whose daemon starts by being installed is a broken test, and so is a user made twice.
"""

from __future__ import annotations

import copy
import dataclasses
import errno
import os
import re
import shutil
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hostside.commands import Answer
from hostside.contract import role_of
from hostside.failure import Failure
from hostside.machine import Machine
from hostside.packages import Packages
from hostside.transaction import Apply
from tests.hostside.players import GOOD, Accounts, Dpkg


class PowerCut(BaseException):
    """The machine stopped; nothing happens any more."""


@dataclass
class Unit:
    """A unit as systemd has it; `loaded` is the configuration its process read when it started or reloaded."""

    enabled: bool = False
    active: str = "inactive"
    loaded: str = ""
    masked: bool = False


@dataclass
class World:
    """What outlives a program: the disk below `root`, systemd, dpkg, timers; and what the test wants to happen."""

    root: Path
    units: dict[str, Unit] = field(default_factory=dict[str, Unit])
    timers: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    effects: list[str] = field(default_factory=list[str])
    cut_after: int | None = None
    full_after: int | None = None
    clock: float = 1_700_000_000.0
    started: list[str] = field(default_factory=list[str])

    def machine(self) -> WorldMachine:
        """A program that runs on this host now."""
        return WorldMachine(self)

    def path(self, path: str) -> Path:
        """Where the host's `path` is."""
        return self.root / path.lstrip("/")

    def twin(self, root: Path) -> World:
        """The same host once more below another root, in place of what was there."""
        if root.exists():
            shutil.rmtree(root)
        shutil.copytree(self.root, root, symlinks=True)
        for path in [self.root, *self.root.rglob("*")]:
            found = path.lstat()
            os.chown(root / path.relative_to(self.root), found.st_uid, found.st_gid, follow_symlinks=False)
        return dataclasses.replace(self, root=root, units=copy.deepcopy(self.units), timers={}, effects=[], started=[])

    def reboot(self) -> None:
        """Power comes back: /run is empty, what is enabled and defined runs, with the files as they are."""
        self.cut_after = self.full_after = None
        self.timers.clear()
        for unit in self.units.values():
            unit.active, unit.loaded = "inactive", ""
        for name, unit in self.units.items():
            if unit.enabled and self.defined(name):
                self.start(name)

    def defined(self, name: str) -> bool:
        """Whether systemd finds a definition of the unit."""
        template = re.sub(r"@[^.]*\.", "@.", name)
        places = ("/etc/systemd/system", "/usr/lib/systemd/system")
        return any(self.path(f"{place}/{each}").exists() for place in places for each in (name, template))

    def configuration(self) -> str:
        """What a daemon reads when it starts."""
        path = self.path("/etc/demo/demo.conf")
        return path.read_text() if path.exists() else ""

    def start(self, name: str) -> bool:
        """Starts a unit; a configuration with CRASH in it ends it at once."""
        unit = self.units.setdefault(name, Unit())
        unit.loaded = self.configuration()
        unit.active = "failed" if "CRASH" in unit.loaded else "active"
        return unit.active == "active"

    def differs_from(self, picture: Mapping[str, object]) -> dict[str, tuple[object, object]]:
        """What is otherwise than in the picture: name to (there, here)."""
        here = self.picture()
        return {
            name: (picture.get(name), here.get(name))
            for name in {*picture, *here}
            if picture.get(name) != here.get(name)
        }

    def picture(self) -> dict[str, object]:
        """Everything that must be the same in two equal hosts: disk without stamps and times, units, timers."""
        shown: dict[str, object] = {}
        for path in sorted(self.root.rglob("*")):
            name = "/" + str(path.relative_to(self.root))
            found = path.lstat()
            if name in ("/var/lib/soundstage/lock", "/run") or name.startswith("/run/"):
                continue
            owner = (oct(stat.S_IMODE(found.st_mode)), found.st_uid, found.st_gid)
            content: object = ""
            if path.is_symlink():
                content, owner = str(path.readlink()), ("", 0, 0)
            elif path.is_file():
                content = re.sub(r'"applied": [\d.]+|"stamps?": ("[^"]*"|\{[^}]*\})', "", path.read_text())
            shown[name] = (owner, content)
        for name, unit in self.units.items():
            if unit != Unit():
                shown[name] = (unit.enabled, unit.active, unit.loaded, unit.masked)
        return {**shown, **self.timers}


class WorldMachine(Machine):
    """The machine of a world: records every effect, and fails where the test says."""

    def __init__(self, world: World) -> None:
        super().__init__(str(world.root))
        self.world = world
        self.process = os.getpid()
        self.dpkg = Dpkg(world.path, world.started)
        self.accounts = Accounts(world.path)

    def effect(self, what: str) -> None:
        world = self.world
        if os.getpid() != self.process:
            return  # a private view of the disk: nothing there happens to the host
        if world.cut_after is not None and len(world.effects) >= world.cut_after:
            raise PowerCut
        world.effects.append(what)
        needs_space = what.startswith(("write ", "mkdir ", "link ", "unpack "))
        if world.full_after is not None and needs_space:
            world.full_after -= 1
            if world.full_after < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), what)

    def now(self) -> float:
        return self.world.clock

    def monotonic(self) -> float:
        return self.world.clock

    def wait(self, seconds: float) -> None:
        self.world.clock += max(seconds, 0.001)

    def ask(self, argv: Sequence[str], timeout: float = 60, stdin: str = "") -> Answer:
        known = {
            "systemctl": self._show,
            "journalctl": self._journal,
            "apt-get": self.dpkg.simulate,
            "demo-check": self._check,
            "demo-probe": self._probe,
        }
        return known[argv[0]](argv)

    def run(
        self, argv: Sequence[str], timeout: float = 600, stdin: str = "", environment: Mapping[str, str] | None = None
    ) -> Answer:
        self.effect("run " + " ".join(argv))
        known = {
            "systemctl": self._systemctl,
            "systemd-run": self._systemd_run,
            "apt-get": self.dpkg.apt,
            "apt-mark": self.dpkg.mark,
            "dpkg": self.dpkg.configure,
            "useradd": self.accounts.useradd,
            "usermod": self.accounts.usermod,
            "userdel": self.accounts.userdel,
            "groupdel": self.accounts.groupdel,
            "demo-farewell": _good,
            "/usr/local/sbin/haproxy-server-state": _good,
        }
        return known[argv[0]](argv)

    def set_kernel(self, path: str, value: str) -> None:
        self.effect(f"set {path}")
        self.world.path(path).write_text(value + "\n")

    # systemd

    def _show(self, argv: Sequence[str]) -> Answer:
        blocks: list[str] = []
        for name in argv[argv.index("--") + 1 :]:
            unit = self.world.units.get(name, Unit())
            load = "masked" if unit.masked else "loaded" if self.world.defined(name) else "not-found"
            file = "" if load == "not-found" else "enabled" if unit.enabled else "disabled"
            file = "masked" if unit.masked else file
            sub = "running" if unit.active == "active" else "dead"
            blocks.append(
                f"LoadState={load}\nActiveState={unit.active}\nSubState={sub}\nUnitFileState={file}\nMainPID=0"
            )
        return Answer(0, "\n\n".join(blocks), "")

    def _systemctl(self, argv: Sequence[str]) -> Answer:
        verb = argv[1]
        names = list(argv[argv.index("--") + 1 :]) if "--" in argv else []
        for name in names:
            unit = self.world.units.setdefault(name, Unit())
            defined = self.world.defined(name)
            if verb in ("enable", "start", "restart", "disable") and (unit.masked or not defined):
                return Answer(5, "", f"Unit {name} is masked." if unit.masked else f"Unit {name} not found.")
            if verb in ("mask", "unmask"):
                unit.masked = verb == "mask"
            elif verb in ("enable", "disable"):
                unit.enabled = verb == "enable"
            elif verb in ("start", "restart") and not self.world.start(name):
                return Answer(1, "", f"Job for {name} failed.")
            elif verb == "reload":
                if unit.active != "active":
                    return Answer(1, "", f"{name} is not active, cannot reload.")
                unit.loaded = self.world.configuration()
            elif verb == "stop":
                unit.active, unit.loaded = "inactive", ""
        if verb == "stop" and argv[-1].endswith(".timer"):
            self.world.timers.pop(argv[-1], None)
        return GOOD

    def _systemd_run(self, argv: Sequence[str]) -> Answer:
        name = next(each for each in argv if each.startswith("--unit=")).removeprefix("--unit=") + ".timer"
        if name in self.world.timers:
            return Answer(1, "", f"Unit {name} was already loaded.")
        self.world.timers[name] = list(argv[argv.index("--") + 1 :])
        return GOOD

    def _journal(self, argv: Sequence[str]) -> Answer:
        return Answer(0, f"{argv[2]} said: password is tango-whiskey-9\n{self.world.configuration()}", "")

    # The daemon's own tools

    def _check(self, argv: Sequence[str]) -> Answer:
        """Refuses INVALID; sees the disk as whoever asks sees it."""
        content = self.world.configuration()
        if self.world.path("/etc/demo/default.conf").exists():
            return Answer(1, "", "default.conf is still there")
        return Answer(1, "", f"demo.conf: {content}") if "INVALID" in content else GOOD

    def _probe(self, argv: Sequence[str]) -> Answer:
        unit = self.world.units.get(argv[1], Unit())
        if unit.active != "active" or "MUTE" in unit.loaded:
            return Answer(1, "", "no answer")
        return Answer(0, unit.loaded, "")


def _good(_argv: Sequence[str]) -> Answer:
    return GOOD


def new_world(root: Path) -> World:
    """A bare host: accounts, an empty dpkg, a kernel key, nothing of ours."""
    world = World(root)
    for path, content in {
        "/etc/passwd": "root:x:0:0:root:/root:/bin/bash\n",
        "/etc/group": "root:x:0:\n",
        "/etc/os-release": 'ID=debian\nVERSION_ID="12"\n',
        "/proc/meminfo": "MemTotal:  2048000 kB\n",
        "/proc/sys/net/core/somaxconn": "4096\n",
        "/var/lib/dpkg/status": "",
        "/usr/sbin/keep": "",
        "/etc/sysctl.d/README": "",
        "/etc/systemd/system/README": "",
        "/usr/lib/systemd/system/README": "",
        "/opt/README": "",
        "/run/README": "",
    }.items():
        world.path(path).parent.mkdir(parents=True, exist_ok=True)
        world.path(path).write_text(content)
    return world


def run_apply(world: World, role: Mapping[str, object], progress: list[str] | None = None) -> dict[str, object]:
    """One apply by a new program. Raises Failure."""
    said = [] if progress is None else progress
    return Apply(world.machine(), role_of(role), Packages(), said.append).answer()


def refused(world: World, role: Mapping[str, object]) -> Failure:
    """The failure of an apply that must fail."""
    try:
        run_apply(world, role)
    except Failure as failure:
        return failure
    raise AssertionError("the apply did not fail")
