"""Users and groups of the host: who is there, and making and removing the accounts of a role."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from .failure import Failure
from .machine import Machine, Owner
from .values import Directory, File, User


@dataclass(frozen=True)
class Account:
    """An account as the host has it."""

    uid: int
    gid: int
    home: str
    shell: str
    groups: tuple[str, ...]


class Accounts:
    """The host's users and groups at one moment."""

    def __init__(self, machine: Machine) -> None:
        self._groups: dict[str, int] = {}
        members: dict[str, list[str]] = {}
        for name, _, gid, names in _rows(machine, "/etc/group", 4):
            self._groups[name] = int(gid)
            for member in filter(None, names.split(",")):
                members.setdefault(member, []).append(name)
        self._users = {
            name: Account(int(uid), int(gid), home, shell, tuple(sorted(members.get(name, []))))
            for name, _, uid, gid, _, home, shell in _rows(machine, "/etc/passwd", 7)
        }
        self._user_names = {account.uid: name for name, account in reversed(list(self._users.items()))}
        self._group_names = {gid: name for name, gid in reversed(list(self._groups.items()))}

    def user(self, name: str) -> Account | None:
        """The account called `name`, or None."""
        return self._users.get(name)

    def has_group(self, name: str) -> bool:
        """Whether there is a group called `name`."""
        return name in self._groups

    def has_uid(self, uid: int) -> bool:
        """Whether somebody has this number."""
        return uid in self._user_names

    def user_name(self, uid: int) -> str:
        """The name of a user number, or the number itself."""
        return self._user_names.get(uid, str(uid))

    def group_name(self, gid: int) -> str:
        """The name of a group number, or the number itself."""
        return self._group_names.get(gid, str(gid))

    def find_owner(self, declared: File | Directory) -> Owner | None:
        """Mode and numbers for what a role declares, or None when the user or group is not there."""
        user, group = self._users.get(declared.owner), self._groups.get(declared.group)
        return None if user is None or group is None else Owner(int(declared.mode, 8), user.uid, group)

    def owner_of(self, declared: File | Directory) -> Owner:
        """The same. Raises Failure when the user or group is not there."""
        owner = self.find_owner(declared)
        if owner is None:
            raise Failure("users", f"there is no user {declared.owner} or no group {declared.group} on this host")
        return owner


def declared_form(account: Account, wanted: User) -> User:
    """The account in the words of a role; the groups keep the declared order when they are the same ones."""
    groups = wanted.groups if sorted(wanted.groups) == list(account.groups) else account.groups
    return User(account.home, account.shell, groups)


def ensure(machine: Machine, name: str, wanted: User, directories: Mapping[str, Directory]) -> None:
    """Makes or corrects one account. Raises Failure."""
    accounts = Accounts(machine)
    found = accounts.user(name)
    if found is not None:
        modify(machine, name, wanted)
        return
    argv = ["useradd", "--system", "--no-create-home", "--home-dir", wanted.home, "--shell", wanted.shell]
    argv += ["--gid", name] if accounts.has_group(name) else ["--user-group"]
    if wanted.groups:
        argv += ["--groups", ",".join(wanted.groups)]
    for path, directory in directories.items():
        left = machine.owner(path)
        # Data that outlived its user belongs to a number; the user that comes back gets this number.
        if directory.keep and directory.owner == name and left is not None and not accounts.has_uid(left.uid):
            argv += ["--uid", str(left.uid)]
            break
    said = machine.run([*argv, name])
    if said.status != 0:
        raise Failure("users", f"useradd {name}: {said.text}")


def take_back(machine: Machine, ours: Collection[str], directories: Mapping[str, Directory]) -> None:
    """What is kept for the accounts `ours` belongs to them, also where somebody else has got the old number.

    Numbers are given in the order in which roles come: two accounts that went may come back with each other's.
    """
    accounts = Accounts(machine)
    for path, directory in directories.items():
        left = machine.owner(path)
        if not directory.keep or directory.owner not in ours or left is None or left.uid == 0:
            continue
        wanted = accounts.owner_of(directory)
        if (left.uid, left.gid) != (wanted.uid, wanted.gid):
            machine.hand_over(path, left, wanted)


def modify(machine: Machine, name: str, wanted: User) -> None:
    """Gives an account the home, shell and groups that are wanted. Raises Failure."""
    groups = ["--groups", ",".join(wanted.groups)]
    said = machine.run(["usermod", "--home", wanted.home, "--shell", wanted.shell, *groups, name])
    if said.status != 0:
        raise Failure("users", f"usermod {name}: {said.text}")


def remove(machine: Machine, name: str) -> None:
    """Removes an account and its group; what it owned stays. Raises Failure."""
    if Accounts(machine).user(name) is not None:
        said = machine.run(["userdel", name])
        if said.status != 0:
            raise Failure("users", f"userdel {name}: {said.text}")
    if Accounts(machine).has_group(name):
        said = machine.run(["groupdel", name])
        if said.status != 0:
            raise Failure("users", f"groupdel {name}: {said.text}")


def as_plain(user: User) -> dict[str, object]:
    """The wire form of a user."""
    return {**dataclasses.asdict(user), "groups": list(user.groups)}


def _rows(machine: Machine, path: str, width: int) -> list[list[str]]:
    rows = [line.split(":") for line in machine.text(path).splitlines()]
    return [row for row in rows if len(row) == width]
