"""Web server: instances of the web application, one systemd unit `web@PORT` per port.

An update goes instance by instance: the instance answers its health check with "drain" until every balancer has
taken it out, waits for its sessions to end, restarts, and is back in before the next one goes.
"""

from __future__ import annotations

from roles.model import Artifact, Check, Drain, File, HttpProbe, OnChange, Role, Unit, User
from roles.nft import Admit, admitted, admitted_check, admitted_probe
from roles.spec import url_host
from roles.systemd import SANDBOX, unit_text
from roles.web_server.spec import WebServerSpec

NAME = "web-server"
USER = "web"
RELEASE = "/opt/soundstage/web"
TEMPLATE = "/etc/systemd/system/web@.service"


def role(spec: WebServerSpec) -> Role:
    """All instances of one host, admitted from the balancers only."""
    units = {f"web@{port}.service": _unit(spec, port) for port in spec.ports}
    restart: OnChange = dict.fromkeys(units, "restart")
    return Role(
        name=NAME,
        packages={"python3-aiohttp": ""},
        users={USER: User()},
        artifacts={RELEASE: Artifact(sha256=spec.release_sha256, source=spec.release_source, on_change=restart)},
        files={
            TEMPLATE: File(content=_template(spec), on_change=restart),
            **admitted(NAME, [Admit(spec.balancer_sources, spec.ports)]),
        },
        units=units,
        validate_with=(Check(argv=("systemd-analyze", "verify", *units)), admitted_check()),
        verify=(*(_probe(spec, port, "/health") for port in spec.ports), admitted_probe(NAME)),
    )


def _template(spec: WebServerSpec) -> str:
    arguments = f'--address {spec.address} --port %i --label "{spec.label}" --drain-marker /run/web-%i/drain'
    return unit_text(
        {
            "Unit": {
                "Description": f"Web application of {spec.label}, port %i",
                "Wants": "network-online.target",
                "After": "network-online.target",
                "StartLimitIntervalSec": 0,
            },
            "Service": {
                "Type": "notify",
                "ExecStart": f"/usr/bin/python3 -m web {arguments}",
                "WorkingDirectory": RELEASE,
                "Environment": "PYTHONDONTWRITEBYTECODE=1",
                "User": USER,
                "Group": USER,
                # The drain marker lives there, and an instance that restarts while it drains still drains.
                "RuntimeDirectory": "web-%i",
                "RuntimeDirectoryPreserve": "restart",
                "Restart": "always",
                "RestartSec": "500ms",
                "TimeoutStopSec": 30,
                "LimitNOFILE": 65536,
                **SANDBOX,
            },
            "Install": {"WantedBy": "multi-user.target"},
        },
        "One instance of the web application; the instance name is its port.",
    )


def _unit(spec: WebServerSpec, port: int) -> Unit:
    others = "other instances here" if len(spec.ports) > 1 else "other servers"
    return Unit(
        restart_effect=f"drains first, then its requests go to the {others}",
        drain=Drain(
            marker=f"/run/web-{port}/drain",
            notice_seconds=spec.drain_notice_seconds,
            wait_seconds=spec.drain_wait_seconds,
            idle=_probe(spec, port, "/idle"),
            ready=_probe(spec, port, "/health"),
        ),
    )


def _probe(spec: WebServerSpec, port: int, path: str) -> HttpProbe:
    return HttpProbe(url=f"http://{url_host(spec.address)}:{port}{path}", unit=f"web@{port}.service")
