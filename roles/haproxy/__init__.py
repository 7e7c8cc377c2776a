"""HAProxy: the load balancer with active checks, seamless reload, and maintenance that outlives a restart.

HAProxy runs as its own user from the start and never as root, in master-worker mode, inside our sandbox. The
password of the statistics page is a file of its own in conf.d.
"""

from __future__ import annotations

from pathlib import Path

from roles.balancer import RESTART_EFFECT, admissions, serving_probes
from roles.balancer.spec import STATISTICS_PASSWORD, BalancerSpec
from roles.model import Check, Directory, File, Late, OnChange, Role, Unit
from roles.nft import admitted, admitted_check, admitted_probe
from roles.spec import url_host
from roles.systemd import SANDBOX, unit_text
from roles.template import render

NAME = "haproxy"
UNIT = "haproxy.service"
CONFIG = "/etc/haproxy/haproxy.cfg"
SECRETS = "/etc/haproxy/conf.d"
RUNTIME = "haproxy"
STATE = "haproxy-state"
SAVE_STATE = "/usr/local/sbin/haproxy-server-state"

_HERE = Path(__file__).parent
_BALANCE = {"round_robin": "roundrobin", "least_connections": "leastconn", "source": "source"}
_FILES = ("-f", CONFIG, "-f", SECRETS)


def role(spec: BalancerSpec) -> Role:
    """The balancer of one host."""
    reload: OnChange = {UNIT: "reload"}
    restart: OnChange = {UNIT: "restart"}
    user = f"userlist statistics\n\tuser {spec.statistics.user} insecure-password "
    return Role(
        name=NAME,
        packages={"haproxy": ""},
        directories={SECRETS: Directory()},
        files={
            CONFIG: File(content=_config(spec), on_change=reload),
            f"{SECRETS}/statistics.cfg": File(
                content=(user + '"', Late(late=STATISTICS_PASSWORD), '"\n'),
                mode="0400",
                owner="haproxy",
                group="haproxy",
                on_change=reload,
            ),
            SAVE_STATE: File(content=(_HERE / "server_state.py").read_text(), mode="0755"),
            f"/etc/systemd/system/{UNIT}.d/soundstage.conf": File(content=_drop_in(spec), on_change=restart),
            **admitted(NAME, admissions(spec)),
        },
        units={UNIT: Unit(reload_effect="connections kept", restart_effect=RESTART_EFFECT)},
        validate_with=(Check(argv=("haproxy", "-c", *_FILES)), admitted_check()),
        verify=(*serving_probes(spec, UNIT), admitted_probe(NAME)),
        remove_with=(("rm", "-rf", f"/var/lib/{STATE}"),),
    )


def _config(spec: BalancerSpec) -> str:
    return render(
        _HERE / "haproxy.cfg.j2",
        spec=spec,
        socket=f"/run/{RUNTIME}/admin.sock",
        state_file=f"/var/lib/{STATE}/servers",
        balance=_BALANCE,
        milliseconds=_milliseconds,
        url_host=url_host,
    )


def _milliseconds(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"


def _drop_in(spec: BalancerSpec) -> str:
    haproxy = f"/usr/sbin/haproxy -Ws {' '.join(_FILES)}"
    service = {
        # The packaged unit starts as root, to change root and user itself; the sandbox does both from outside.
        **SANDBOX,
        "User": "haproxy",
        "Group": "haproxy",
        "AmbientCapabilities": "CAP_NET_BIND_SERVICE",
        "CapabilityBoundingSet": "CAP_NET_BIND_SERVICE",
        "BindReadOnlyPaths": "",
        "RuntimeDirectory": RUNTIME,
        "RuntimeDirectoryMode": "0750",
        "StateDirectory": STATE,
        # Not fatal: starting or reloading without the saved state beats doing neither.
        "ExecStartPre": f"-{SAVE_STATE}",
        "ExecStart": ("", f"{haproxy} -p /run/{RUNTIME}/haproxy.pid"),
        "ExecReload": ("", f"{haproxy} -c", f"-{SAVE_STATE}", "/bin/kill -USR2 $MAINPID"),
        "ExecStop": f"-{SAVE_STATE}",
        "Restart": "always",
        "RestartSec": "100ms",
        "TimeoutStopSec": 10,
        # A connection takes one file towards the client and one towards the server.
        "LimitNOFILE": 2 * spec.max_connections + 1000,
        # Access logs are worth a bounded share of the journal, never the disk.
        "LogRateLimitIntervalSec": "1s",
        "LogRateLimitBurst": 2000,
    }
    return unit_text({"Unit": {"StartLimitIntervalSec": 0}, "Service": service}, "HAProxy without root, in a sandbox.")
