"""Baseline: the right time, security updates, a bounded journal, and a slice for audio work."""

from __future__ import annotations

from roles.baseline.spec import AudioSlice, BaselineSpec, JournalLimits, SecurityUpdates, TimeSync
from roles.model import AbsolutePath, Check, CommandProbe, File, Role, Unit
from roles.systemd import unit_text

TIME_UNIT = "systemd-timesyncd.service"
JOURNAL_UNIT = "systemd-journald.service"
SLICE = "audio.slice"
_UPGRADE_TIMER = "apt-daily-upgrade.timer"

Files = dict[AbsolutePath, File]


def role(spec: BaselineSpec) -> Role:
    """What every host has. Time sync does not start in a container; the host says so."""
    return Role(
        name="baseline",
        packages={"systemd-timesyncd": "", "unattended-upgrades": ""},
        files={
            **_time_sync(spec.time_sync),
            **_security_updates(spec.security_updates),
            **_journal(spec.journal),
            **_audio_slice(spec.audio_slice),
        },
        units={
            TIME_UNIT: Unit(restart_effect="nobody notices"),
            JOURNAL_UNIT: Unit(restart_effect="no line is lost"),
            SLICE: Unit(restart_effect="processes keep running with the new shares"),
            "apt-daily.timer": Unit(restart_effect="nobody notices"),
            _UPGRADE_TIMER: Unit(restart_effect="nobody notices"),
        },
        validate_with=(Check(argv=("apt-config", "dump")),),
        verify=(CommandProbe(argv=("systemctl", "is-active", TIME_UNIT), contains="active", unit=TIME_UNIT),),
    )


def _time_sync(spec: TimeSync) -> Files:
    servers = {"NTP": " ".join(spec.servers)} if spec.servers else {}
    text = unit_text({"Time": {**servers, "PollIntervalMaxSec": 1024}}, "Where this host takes the time from.")
    return {"/etc/systemd/timesyncd.conf.d/soundstage.conf": File(content=text, on_change={TIME_UNIT: "restart"})}


def _security_updates(spec: SecurityUpdates) -> Files:
    origins = (
        "origin=Debian,codename=${distro_codename},label=Debian-Security",
        "origin=Debian,codename=${distro_codename}-security,label=Debian-Security",
        "origin=Ubuntu,archive=${distro_codename}-security,label=Ubuntu",
    )
    lines = [
        "// Security updates only; whatever other files say about origins is cleared first.",
        "#clear Unattended-Upgrade::Origins-Pattern;",
        "#clear Unattended-Upgrade::Allowed-Origins;",
        *(f'Unattended-Upgrade::Origins-Pattern:: "{origin}";' for origin in origins),
        *(f'Unattended-Upgrade::Package-Blacklist:: "^{name}$";' for name in spec.excluded_packages),
        'Unattended-Upgrade::Automatic-Reboot "false";',
        'Unattended-Upgrade::MinimalSteps "true";',
        'APT::Periodic::Update-Package-Lists "1";',
        'APT::Periodic::Unattended-Upgrade "1";',
        'APT::Periodic::AutocleanInterval "7";',
    ]
    timer = {"OnCalendar": ("", f"*-*-* {spec.at}"), "RandomizedDelaySec": "15min"}
    return {
        "/etc/apt/apt.conf.d/90soundstage-unattended-upgrades": File(content="\n".join(lines) + "\n"),
        f"/etc/systemd/system/{_UPGRADE_TIMER}.d/soundstage.conf": File(
            content=unit_text({"Timer": timer}, "Hosts of one duty upgrade at different hours."),
            on_change={_UPGRADE_TIMER: "restart"},
        ),
    }


def _journal(spec: JournalLimits) -> Files:
    limits = {
        "Storage": "persistent",
        "SystemMaxUse": spec.max_use_bytes,
        "SystemKeepFree": spec.keep_free_bytes,
        "MaxRetentionSec": f"{spec.retention_days}day",
    }
    text = unit_text({"Journal": limits}, "The journal outlives a reboot and never fills the disk.")
    return {"/etc/systemd/journald.conf.d/soundstage.conf": File(content=text, on_change={JOURNAL_UNIT: "restart"})}


def _audio_slice(spec: AudioSlice) -> Files:
    limits: dict[str, str | int] = {"CPUWeight": spec.cpu_weight, "IOWeight": spec.io_weight}
    if spec.cpu_quota_percent:
        limits["CPUQuota"] = f"{spec.cpu_quota_percent}%"
    if spec.allowed_cpus:
        limits["AllowedCPUs"] = spec.allowed_cpus
    sections = {
        "Unit": {"Description": "Audio work, before everything else on this host", "Before": "slices.target"},
        "Slice": limits,
        "Install": {"WantedBy": "slices.target"},
    }
    # Nothing restarts: the manager applies new shares to what runs when it reads the unit again.
    return {f"/etc/systemd/system/{SLICE}": File(content=unit_text(sections, "Services join it by Slice=audio.slice."))}
