"""Key-value store: one instance over one file. The loss of its host is an outage, never a second copy."""

from __future__ import annotations

from roles.kv_store.spec import KeyValueStoreSpec
from roles.model import Artifact, Check, Directory, File, HttpProbe, Role, Unit, User
from roles.nft import Admit, admitted, admitted_check, admitted_probe
from roles.spec import url_host
from roles.systemd import SANDBOX, unit_text

NAME = "kv-store"
USER = "kv-store"
UNIT = "kv-store.service"
RELEASE = "/opt/soundstage/kv-store"
DATA = "/var/lib/kv-store"
UNIT_FILE = f"/etc/systemd/system/{UNIT}"


def role(spec: KeyValueStoreSpec) -> Role:
    """The store behind the balancers; its file stays when the role is removed."""
    return Role(
        name=NAME,
        users={USER: User(home=DATA)},
        directories={DATA: Directory(mode="0750", owner=USER, group=USER, keep=True)},
        artifacts={
            RELEASE: Artifact(sha256=spec.release_sha256, source=spec.release_source, on_change={UNIT: "restart"})
        },
        files={
            UNIT_FILE: File(content=_unit_file(spec), on_change={UNIT: "restart"}),
            **admitted(NAME, [Admit(spec.sources, (spec.port,))]),
        },
        units={UNIT: Unit(restart_effect="no answer for about a second; nothing acknowledged is lost")},
        validate_with=(Check(argv=("systemd-analyze", "verify", UNIT_FILE)), admitted_check()),
        verify=(HttpProbe(url=f"http://{url_host(spec.address)}:{spec.port}/", unit=UNIT), admitted_probe(NAME)),
    )


def _unit_file(spec: KeyValueStoreSpec) -> str:
    arguments = f"--address {spec.address} --port {spec.port} --file {DATA}/storage.json"
    return unit_text(
        {
            "Unit": {
                "Description": "Key-value store",
                "Wants": "network-online.target",
                "After": "network-online.target",
                "RequiresMountsFor": DATA,
                "StartLimitIntervalSec": 0,
            },
            "Service": {
                "ExecStart": f"/usr/bin/python3 -m kv_store {arguments}",
                "WorkingDirectory": RELEASE,
                "Environment": "PYTHONDONTWRITEBYTECODE=1",
                "User": USER,
                "Group": USER,
                "ReadWritePaths": DATA,
                "Restart": "always",
                "RestartSec": "500ms",
                "TimeoutStopSec": 30,
                "LimitNOFILE": 65536,
                **SANDBOX,
            },
            "Install": {"WantedBy": "multi-user.target"},
        },
        "One writer at a time over one file.",
    )
