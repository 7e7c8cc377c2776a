"""systemd units and drop-ins from values, and the sandbox every daemon of ours starts from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

Value = str | int | Sequence[str | int]
"""A sequence repeats the key, once per element; an empty text first clears what a packaged unit says."""
Section = Mapping[str, Value]


def unit_text(sections: Mapping[str, Section], because: str) -> str:
    """The text of a unit file or drop-in; `because` is its first line, for whoever reads it on the host."""
    blocks = [f"# {because}\n"]
    for name, section in sections.items():
        lines = [f"{key}={value}\n" for key, values in section.items() for value in _each(values)]
        blocks.append(f"[{name}]\n{''.join(lines)}")
    return "\n".join(blocks)


def _each(values: Value) -> Sequence[str | int]:
    return (values,) if isinstance(values, str | int) else values


SANDBOX: Section = MappingProxyType(
    {
        "CapabilityBoundingSet": "",
        "AmbientCapabilities": "",
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "ProtectHome": "yes",
        "PrivateTmp": "yes",
        "PrivateDevices": "yes",
        "ProtectClock": "yes",
        "ProtectControlGroups": "yes",
        "ProtectHostname": "yes",
        "ProtectKernelLogs": "yes",
        "ProtectKernelModules": "yes",
        "ProtectKernelTunables": "yes",
        "ProtectProc": "invisible",
        "ProcSubset": "pid",
        "LockPersonality": "yes",
        "MemoryDenyWriteExecute": "yes",
        "RemoveIPC": "yes",
        "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
        "RestrictNamespaces": "yes",
        "RestrictRealtime": "yes",
        "RestrictSUIDSGID": "yes",
        "SystemCallArchitectures": "native",
        "SystemCallFilter": ("@system-service", "~@privileged @resources"),
        "UMask": "0077",
    }
)
"""For a network daemon that runs as its own user and writes only to the directories its unit names."""
