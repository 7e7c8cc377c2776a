"""Preflight: is this host fit for what it is meant to do? Changes nothing."""

from __future__ import annotations

from collections.abc import Iterable

from roles.model import Requirements, Role
from roles.preflight.spec import PreflightSpec


def role(spec: PreflightSpec) -> Role:
    """Requires at once what all duties require."""
    duties = spec.duties
    return Role(
        name="preflight",
        requires=Requirements(
            systems=_common(duty.systems for duty in duties),
            architectures=_common(duty.architectures for duty in duties),
            kernel=max((duty.kernel for duty in duties), key=_version),
            memory_bytes=max(duty.memory_bytes for duty in duties),
            disk_free_bytes=max(duty.disk_free_bytes for duty in duties),
            cpus=max(duty.cpus for duty in duties),
            clock_offset_seconds=min(
                (duty.clock_offset_seconds for duty in duties if duty.clock_offset_seconds), default=0
            ),
            interfaces=tuple(sorted({interface for duty in duties for interface in duty.interfaces})),
        ),
    )


def _common(choices: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """What every duty accepts; an empty choice accepts anything."""
    narrow = [choice for choice in choices if choice]
    return tuple(name for name in narrow[0] if all(name in choice for choice in narrow)) if narrow else ()


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part)
