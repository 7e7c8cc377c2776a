"""keepalived: exactly one of the hosts holds the virtual IP, and only one whose balancer answers.

The address goes with the process, in whatever way that ends: keepalived takes it away when it is asked to stop; a
child that dies ends its parent (`--dont-respawn`); and systemd takes away what a killed process left behind before
it starts another. Stopping the balancer on purpose stops keepalived first, so the address is elsewhere by then.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path

from roles.keepalived.spec import KeepalivedSpec
from roles.model import AbsolutePath, Check, CommandProbe, File, Role, Unit, User
from roles.nft import Admit, admitted, admitted_check, admitted_probe
from roles.systemd import SANDBOX, unit_text
from roles.template import render

NAME = "keepalived"
UNIT = "keepalived.service"
CONFIG = "/etc/keepalived/keepalived.conf"
SCRIPT_USER = "keepalived_script"
CHECK = "/usr/local/sbin/keepalived-check"
NOTIFY = "/usr/local/sbin/keepalived-notify"
STATE_FILE = "/run/keepalived/state"
"""Holds MASTER, BACKUP or FAULT while keepalived runs."""
VRRP = 112

_HERE = Path(__file__).parent
_RUNTIME = "keepalived"
# Addresses and VRRP packets; the check as another user, and its end when it hangs; a better priority.
_CAPABILITIES = "CAP_NET_ADMIN CAP_NET_RAW CAP_SETUID CAP_SETGID CAP_KILL CAP_SYS_NICE"


def role(spec: KeepalivedSpec) -> Role:
    """One of the hosts that share the address."""
    peers = tuple(ip_network(peer) for peer in spec.peers)
    firewall: Mapping[AbsolutePath, File] = admitted(NAME, [Admit(peers, protocol=VRRP)]) if peers else {}
    return Role(
        name=NAME,
        packages={"keepalived": "", "curl": "", "iproute2": ""},
        users={SCRIPT_USER: User()},
        files={
            CONFIG: File(content=_config(spec), on_change={UNIT: "reload"}),
            CHECK: File(content=(_HERE / "keepalived-check").read_text(), mode="0755"),
            NOTIFY: File(content=(_HERE / "keepalived-notify").read_text(), mode="0755"),
            f"/etc/systemd/system/{UNIT}.d/soundstage.conf": File(content=_drop_in(spec), on_change={UNIT: "restart"}),
            f"/etc/systemd/system/{spec.served_by}.d/keepalived.conf": File(
                content=unit_text(
                    {"Unit": {"Wants": UNIT}}, "Stopping the balancer stops keepalived; starting it brings it back."
                )
            ),
            **firewall,
        },
        units={
            UNIT: Unit(
                reload_effect="the virtual IP stays where it is",
                restart_effect="where it holds the virtual IP, the other host takes it: about 50 ms without answer",
            )
        },
        validate_with=(
            Check(argv=(CHECK,)),
            *((admitted_check(),) if peers else ()),
        ),
        verify=(
            # Not before its balancer answered: a host in FAULT could not take the address when the other lets go.
            CommandProbe(argv=("grep", "-E", "^(MASTER|BACKUP)$", STATE_FILE), unit=UNIT),
            *((admitted_probe(NAME),) if peers else ()),
        ),
    )


def _config(spec: KeepalivedSpec) -> str:
    return render(_HERE / "keepalived.conf.j2", spec=spec, script_user=SCRIPT_USER, notify=NOTIFY)


def _drop_in(spec: KeepalivedSpec) -> str:
    address = spec.virtual_ip.ip
    release = f"/usr/bin/ip address flush dev {spec.interface} to {address}/{address.max_prefixlen}"
    pids = f"--pid=/run/{_RUNTIME}/parent.pid --vrrp_pid=/run/{_RUNTIME}/vrrp.pid"
    service = {
        **SANDBOX,
        "CapabilityBoundingSet": _CAPABILITIES,
        "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX AF_NETLINK AF_PACKET",
        # It changes user for the check, raises its own priority, and reads /proc/sys/net.
        "ProcSubset": "all",
        "SystemCallFilter": "@system-service",
        "RuntimeDirectory": _RUNTIME,
        # Its child says when it is ready.
        "NotifyAccess": "all",
        "ExecStartPre": (release, f"+/usr/bin/install --mode=0644 --owner={SCRIPT_USER} /dev/null {STATE_FILE}"),
        "ExecStart": ("", f"/usr/sbin/keepalived --dont-fork --vrrp --dont-respawn --use-file={CONFIG} {pids}"),
        "ExecReload": ("", CHECK, "/bin/kill -HUP $MAINPID"),
        "ExecStopPost": release,
        "CPUWeight": 10000,
        "Restart": "always",
        "RestartSec": "500ms",
        "TimeoutStopSec": 5,
    }
    unit = {"Requires": spec.served_by, "After": spec.served_by, "StartLimitIntervalSec": 0}
    return unit_text({"Unit": unit, "Service": service}, "The address goes with the process, however that ends.")
