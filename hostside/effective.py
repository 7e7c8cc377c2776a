"""Unit settings that a host accepts in silence and does not do: asked of the kernel, not of systemd."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from .machine import Machine
from .units import UnitState
from .values import Role

_CONTROLS = {
    "CPUQuota": "cpu.max",
    "CPUWeight": "cpu.weight",
    "AllowedCPUs": "cpuset.cpus",
    "MemoryMax": "memory.max",
    "MemoryHigh": "memory.high",
    "IOWeight": "io.weight",
    "TasksMax": "pids.max",
}


def without_effect(machine: Machine, role: Role, states: Mapping[str, UnitState]) -> dict[str, str]:
    """The settings of the role's own unit files that have no effect here, with what is so instead."""
    found: dict[str, str] = {}
    for name, unit in role.units.items():
        state = states.get(name)
        if state is None:
            continue
        if unit.running and not state.running and state.condition_failed:
            found[name] = "its start condition is not met on this host"
        if state.running:
            for setting, value in _settings(role, name):
                instead = _instead(machine, state, setting, value)
                if instead:
                    found[f"{name} {setting}"] = f"asked is {value}, in effect is {instead}"
    return found


def _settings(role: Role, unit: str) -> Iterator[tuple[str, str]]:
    template = re.sub(r"@[^.]*\.", "@.", unit)
    for path, file in role.files.items():
        names = path.split("/")
        if "systemd" in names and any(name in names or f"{name}.d" in names for name in (unit, template)):
            yield from re.findall(r"(?m)^(\w+)=(\S+)\s*$", file.content)


def _instead(machine: Machine, state: UnitState, setting: str, value: str) -> str:
    if setting == "LimitNOFILE" and state.pid:
        found = re.search(r"(?m)^Max open files\s+(\S+)\s+(\S+)", machine.text(f"/proc/{state.pid}/limits"))
        asked = value.rsplit(":", maxsplit=1)[-1]
        if found and asked.isdigit() and found.group(2).isdigit() and int(found.group(2)) < int(asked):
            return found.group(2)
    if setting == "OOMScoreAdjust" and state.pid:
        live = machine.text(f"/proc/{state.pid}/oom_score_adj").strip()
        return live if live and live != value.lstrip("+") else ""
    if setting in _CONTROLS and state.control_group:
        control = f"/sys/fs/cgroup{state.control_group}/{_CONTROLS[setting]}"
        return "" if machine.lstat(control) is not None else "nothing: this host has no such control group control"
    return ""
