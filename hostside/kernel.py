"""Kernel settings: persisted in a file of the role, set live, and told when this host cannot set them."""

from __future__ import annotations

from collections.abc import Mapping

from .machine import Machine
from .values import File, Role

_HEAD = "# Kernel settings of the role {}, set live at the same time. The '-' lets a kernel without the key go on.\n"


def persisted(role: Role) -> dict[str, File]:
    """The file in /etc/sysctl.d that holds the role's keys; none without keys."""
    if not role.sysctl:
        return {}
    lines = "".join(f"-{key} = {value}\n" for key, value in sorted(role.sysctl.items()))
    return {persisted_path(role.name): File(_HEAD.format(role.name) + lines)}


def persisted_path(role: str) -> str:
    """Where the keys of a role are persisted."""
    return f"/etc/sysctl.d/60-soundstage-{role}.conf"


def live_path(key: str) -> str:
    """The kernel's file of a key, by the rules of sysctl.d: the first separator decides which one separates."""
    slash, dot = key.find("/"), key.find(".")
    if slash == -1 or (dot != -1 and dot < slash):
        key = key.translate(str.maketrans("./", "/."))
    return f"/proc/sys/{key}"


def live(machine: Machine, keys: Mapping[str, str]) -> dict[str, str]:
    """The live values, with single blanks; keys that this kernel lacks are left out."""
    found: dict[str, str] = {}
    for key in keys:
        if machine.lstat(live_path(key)) is not None:
            found[key] = normal(machine.text(live_path(key)))
    return found


def normal(value: str) -> str:
    """A value with its white space as single blanks, as the kernel compares them."""
    return " ".join(value.split())


def obstacle(machine: Machine, key: str) -> str:
    """Why the key cannot be set on this host, empty when it can."""
    if machine.lstat(live_path(key)) is None:
        return "this kernel has no such key"
    if not machine.writable(live_path(key)):
        return "belongs to the machine, not to this host"
    return ""


def set_live(machine: Machine, key: str, value: str) -> str:
    """Sets a key; the reason when the kernel refuses, else empty."""
    reason = obstacle(machine, key)
    if reason:
        return reason
    try:
        machine.set_kernel(live_path(key), value)
    except OSError as error:
        return f"the kernel refuses {value!r}: {error.strerror}"
    if normal(machine.text(live_path(key))) != normal(value):
        return f"the kernel made {normal(machine.text(live_path(key)))!r} of {value!r}"
    return ""
