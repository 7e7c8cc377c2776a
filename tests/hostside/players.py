"""The players of apt, dpkg and the account tools on a small host; they work on its files."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from hostside.commands import Answer
from hostside.packages import parse

GOOD = Answer(0, "", "")

Place = Callable[[str], Path]

_DEMO = {
    "/usr/lib/systemd/system/demo.service": "[Service]\n",
    "/etc/demo/demo.conf": "packaged\n",
    "/etc/demo/default.conf": "default site\n",
}


class Dpkg:
    """An archive with the packages demo (a daemon with two configuration files) and libdemo (needed by it)."""

    def __init__(self, place: Place, started: list[str]) -> None:
        self._place = place
        self._started = started

    def set_package(self, name: str, version: str | None, state: str = "installed") -> None:
        """Makes dpkg know a package, or forget it."""
        status = self._place("/var/lib/dpkg/status")
        text = re.sub(rf"Package: {name}\n(?:.+\n)*\n", "", status.read_text())
        if version is not None:
            text += f"Package: {name}\nStatus: install ok {state}\nVersion: {version}\n\n"
        status.write_text(text)

    def simulate(self, argv: Sequence[str]) -> Answer:
        """apt-get --simulate install | autoremove."""
        if argv[-1] == "autoremove":
            return Answer(0, "Remv libdemo [1.0]\n" if not self._has("demo") and self._has("libdemo") else "", "")
        new = [name for name in ("libdemo", "demo") if not self._has(name)]
        return Answer(0, "".join(f"Inst {name} (1.0 Debian)\n" for name in new), "")

    def apt(self, argv: Sequence[str]) -> Answer:
        """apt-get install | purge | remove | update; a broken dpkg installs nothing."""
        if not self._place("/usr/sbin/policy-rc.d").exists():
            self._started.append("demo.service")
        verb = next(each for each in ("install", "purge", "remove", "update") if each in argv)
        names = argv[argv.index(verb) + 1 :]
        if verb == "install":
            if "half-configured" in self._place("/var/lib/dpkg/status").read_text():
                return Answer(100, "", "E: dpkg was interrupted")
            for name in names:
                bare, _, version = name.partition("=")
                self.set_package("libdemo", "1.0")
                self.set_package(bare, version or "1.0")
                self._unpack()
        for name in names if verb in ("purge", "remove") else ():
            if not self._has(name):
                return Answer(100, "", f"E: {name} is not installed")
            # Removed, not purged: its configuration stays.
            leaves = verb == "remove" and name == "demo"
            self.set_package(name, "1.0" if leaves else None, "config-files")
            if name == "demo":
                self._take_away(configuration=not leaves)
        return GOOD

    def mark(self, argv: Sequence[str]) -> Answer:
        """apt-mark hold | unhold."""
        want = {"hold": "hold", "unhold": "install"}[argv[1]]
        status = self._place("/var/lib/dpkg/status")
        text = status.read_text()
        for name in argv[2:]:
            text = re.sub(rf"(Package: {name}\nStatus: )\S+", rf"\g<1>{want}", text)
        status.write_text(text)
        return GOOD

    def configure(self, _argv: Sequence[str]) -> Answer:
        """Dpkg --configure -a."""
        status = self._place("/var/lib/dpkg/status")
        status.write_text(status.read_text().replace("half-configured", "installed"))
        return GOOD

    def _has(self, name: str) -> bool:
        found = parse(self._place("/var/lib/dpkg/status").read_bytes()).get(name)
        return found is not None and found.installed

    def _unpack(self) -> None:
        for path, content in _DEMO.items():
            if not self._place(path).exists():
                self._place(path).parent.mkdir(parents=True, exist_ok=True)
                self._place(path).write_text(content)

    def _take_away(self, *, configuration: bool) -> None:
        for path in _DEMO:
            if configuration or not path.startswith("/etc/"):
                self._place(path).unlink(missing_ok=True)
        if configuration and not list(self._place("/etc/demo").iterdir()):
            self._place("/etc/demo").rmdir()


class Accounts:
    """useradd, usermod, userdel and groupdel on /etc/passwd and /etc/group."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def useradd(self, argv: Sequence[str]) -> Answer:
        """Refuses a name that is there."""
        name, passwd, group = argv[-1], self._place("/etc/passwd"), self._place("/etc/group")
        if f"\n{name}:" in passwd.read_text():
            return Answer(9, "", f"user {name} already exists")
        uid = int(argv[argv.index("--uid") + 1]) if "--uid" in argv else 990
        home, shell = argv[argv.index("--home-dir") + 1], argv[argv.index("--shell") + 1]
        passwd.write_text(passwd.read_text() + f"{name}:x:{uid}:990::{home}:{shell}\n")
        if "--user-group" in argv:
            group.write_text(group.read_text() + f"{name}:x:990:\n")
        return GOOD

    def usermod(self, argv: Sequence[str]) -> Answer:
        """Home and shell only."""
        passwd = self._place("/etc/passwd")
        home, shell = argv[argv.index("--home") + 1], argv[argv.index("--shell") + 1]
        passwd.write_text(re.sub(rf"(?m)^({argv[-1]}:x:\d+:\d+::).*$", rf"\g<1>{home}:{shell}", passwd.read_text()))
        return GOOD

    def userdel(self, argv: Sequence[str]) -> Answer:
        """Leaves the group, as it does where users share groups."""
        return self._drop("/etc/passwd", argv[-1])

    def groupdel(self, argv: Sequence[str]) -> Answer:
        """Refuses a group that is not there."""
        return self._drop("/etc/group", argv[-1])

    def _drop(self, path: str, name: str) -> Answer:
        text = self._place(path).read_text()
        if f"\n{name}:" not in text:
            return Answer(6, "", f"{name} does not exist")
        self._place(path).write_text(re.sub(rf"(?m)^{name}:.*\n", "", text))
        return GOOD
