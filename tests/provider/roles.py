"""Roles as they come over the wire, written out by hand."""

from __future__ import annotations

from provider.values import Plain


def haproxy(**changes: Plain) -> dict[str, Plain]:
    """A balancer: one package, two files, one unit."""
    return {
        "name": "haproxy",
        "packages": {"haproxy": ""},
        "files": {
            "/etc/haproxy/haproxy.cfg": file("global\n", {"haproxy.service": "reload"}),
            "/etc/haproxy/errors/503.http": file("HTTP/1.0 503\n", {}),
        },
        "units": {
            "haproxy.service": {
                "enabled": True,
                "running": True,
                "reload_effect": "connections kept",
                "restart_effect": "every connection ends",
            }
        },
        "verify": [{"kind": "tcp", "address": "127.0.0.1", "port": 80, "deadline_seconds": 5, "unit": None}],
        **changes,
    }


def file(content: str, on_change: dict[str, Plain], mode: str = "0644") -> dict[str, Plain]:
    """A file of root."""
    return {"content": content, "mode": mode, "owner": "root", "group": "root", "on_change": on_change}


def with_config(content: str, mode: str = "0644") -> dict[str, Plain]:
    """The balancer with another main configuration."""
    return haproxy(
        files={
            "/etc/haproxy/haproxy.cfg": file(content, {"haproxy.service": "reload"}, mode),
            "/etc/haproxy/errors/503.http": file("HTTP/1.0 503\n", {}),
        }
    )
