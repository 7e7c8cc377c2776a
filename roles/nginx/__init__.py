"""Nginx: the same balancer by another engine.

What it cannot do, since that is not in the free edition: active checks. A server is taken out after `fall` failed
requests and tried again five seconds later, so a server that drains gets requests until it closes its port;
maintenance is what the settings declare, without a switch at run time; and every reload cuts idle keep-alive
connections. The statistics are the connection counters only. Use HAProxy where these matter.
"""

from __future__ import annotations

from pathlib import Path

from roles.balancer import RESTART_EFFECT, admissions, serving_probes
from roles.balancer.spec import STATISTICS_PASSWORD, BalancerSpec
from roles.model import Check, File, Late, OnChange, Role, Unit
from roles.nft import admitted, admitted_check, admitted_probe
from roles.spec import url_host
from roles.systemd import SANDBOX, unit_text
from roles.template import render

NAME = "nginx"
UNIT = "nginx.service"
CONFIG = "/etc/nginx/nginx.conf"
ACCOUNTS = "/etc/nginx/statistics.htpasswd"
RUNTIME = "nginx"

_BALANCE = {"round_robin": "", "least_connections": "least_conn", "source": "hash $remote_addr consistent"}


def role(spec: BalancerSpec) -> Role:
    """The balancer of one host."""
    reload: OnChange = {UNIT: "reload"}
    restart: OnChange = {UNIT: "restart"}
    return Role(
        name=NAME,
        packages={"nginx": ""},
        files={
            CONFIG: File(content=_config(spec), on_change=reload),
            ACCOUNTS: File(
                content=(f"{spec.statistics.user}:{{PLAIN}}", Late(late=STATISTICS_PASSWORD), "\n"),
                mode="0400",
                owner="www-data",
                group="www-data",
            ),
            f"/etc/systemd/system/{UNIT}.d/soundstage.conf": File(content=_drop_in(spec), on_change=restart),
            **admitted(NAME, admissions(spec)),
        },
        absent=("/etc/nginx/sites-enabled/default",),
        units={
            UNIT: Unit(reload_effect="open requests kept, idle connections end", restart_effect=RESTART_EFFECT),
        },
        # The directory of the real pid file is there only while the unit runs.
        validate_with=(Check(argv=("nginx", "-t", "-q", "-g", "pid /dev/null;")), admitted_check()),
        verify=(*serving_probes(spec, UNIT), admitted_probe(NAME)),
    )


def _config(spec: BalancerSpec) -> str:
    return render(
        Path(__file__).with_name("nginx.conf.j2"),
        spec=spec,
        password_file=ACCOUNTS,
        balance=_BALANCE,
        tunnel_seconds={upstream.name: round(upstream.tunnel_timeout_seconds) for upstream in spec.upstreams},
        url_host=url_host,
    )


def _drop_in(spec: BalancerSpec) -> str:
    pid = f"pid /run/{RUNTIME}/nginx.pid;"
    test = f"/usr/sbin/nginx -t -q -g '{pid}'"
    service = {
        # The packaged unit starts as root; this one only needs to bind low ports.
        **SANDBOX,
        "Type": "exec",
        "PIDFile": "",
        "User": "www-data",
        "Group": "www-data",
        "AmbientCapabilities": "CAP_NET_BIND_SERVICE",
        "CapabilityBoundingSet": "CAP_NET_BIND_SERVICE",
        "RuntimeDirectory": RUNTIME,
        "RuntimeDirectoryMode": "0750",
        "ExecStartPre": ("", test),
        "ExecStart": ("", f"/usr/sbin/nginx -g 'daemon off; {pid}'"),
        # nginx keeps the old configuration silently when the new one is wrong; the test says so.
        "ExecReload": ("", test, "/bin/kill -HUP $MAINPID"),
        "ExecStop": "",
        "KillSignal": "SIGQUIT",
        "KillMode": "mixed",
        "TimeoutStopSec": 10,
        "Restart": "always",
        "RestartSec": "100ms",
        # A connection takes one file towards the client and one towards the server.
        "LimitNOFILE": 2 * spec.max_connections + 1000,
        # Access logs are worth a bounded share of the journal, never the disk.
        "LogRateLimitIntervalSec": "1s",
        "LogRateLimitBurst": 2000,
    }
    return unit_text({"Unit": {"StartLimitIntervalSec": 0}, "Service": service}, "nginx without root, in a sandbox.")
