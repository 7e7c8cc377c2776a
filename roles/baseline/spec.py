"""What every host of the fleet has: the right time, security updates, a bounded journal, a slice for audio work."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from roles.spec import Name, Spec


class TimeSync(Spec):
    """NTP by systemd-timesyncd. Without `servers` the distribution's pool is asked."""

    servers: tuple[Name, ...] = ()


class SecurityUpdates(Spec):
    """Unattended upgrades of the security archive only. Hosts of one duty get different hours."""

    at: Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] = "04:00"
    """Local time of day; up to 15 minutes later at random."""
    excluded_packages: tuple[Name, ...] = ()


class JournalLimits(Spec):
    """How much of the disk the journal may take."""

    max_use_bytes: Annotated[int, Field(ge=16 * 2**20)] = 1 * 2**30
    keep_free_bytes: Annotated[int, Field(ge=0)] = 1 * 2**30
    retention_days: Annotated[int, Field(ge=1)] = 30


class AudioSlice(Spec):
    """`audio.slice`: what carries sound goes before everything else on the host (cgroup v2)."""

    cpu_weight: Annotated[int, Field(ge=1, le=10_000)] = 1000
    """100 is the weight of everything else."""
    io_weight: Annotated[int, Field(ge=1, le=10_000)] = 500
    cpu_quota_percent: Annotated[int, Field(ge=0)] = 0
    """Of one core: 150 is one and a half cores. 0 sets no limit."""
    allowed_cpus: Annotated[str, StringConstraints(pattern=r"^([0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*)?$")] = ""
    """For example `2-3`; empty means all."""


class BaselineSpec(Spec):
    """Every part has working defaults."""

    time_sync: TimeSync = TimeSync()
    security_updates: SecurityUpdates = SecurityUpdates()
    journal: JournalLimits = JournalLimits()
    audio_slice: AudioSlice = AudioSlice()
