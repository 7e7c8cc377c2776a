"""Digests as the engine prints them, made of a few words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

Json = dict[str, object]
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
"""How the engine marks one."""


def urn(name: str, type_: str = "soundstage:host:Role", stack: str = "lab", parent: str = "test:x:Parent") -> str:
    return f"urn:pulumi:{stack}::soundstage::{parent}${type_}::{name}"


def role(host: str, name: str = "haproxy", content: object = "old\n", **more: object) -> Json:
    """The state of a role with one file."""
    file = {"content": content, "mode": "0644", "owner": "root", "group": "root"}
    unit = {"enabled": True, "running": True}
    declared: Json = {"name": name, "files": {f"/etc/{name}.cfg": file}, "units": {f"{name}.service": unit}, **more}
    return {"host": host, "role": declared, "healthy": True, "reachable": True}


def changed(host: str, name: str = "haproxy", content: object = "new\n", old: object = "old\n") -> Json:
    """A step that changes the role's file."""
    return {
        "op": "update",
        "urn": urn(f"{name}-{host}"),
        "oldState": {"type": "soundstage:host:Role", "custom": True, "outputs": role(host, name, old)},
        "newState": {"type": "soundstage:host:Role", "custom": True, "inputs": role(host, name, content)},
        "detailedDiff": {f'role.files["/etc/{name}.cfg"].content': {"kind": "update"}},
    }


def found(host: str, name: str = "haproxy", **outputs: object) -> Json:
    """A step of a refresh that found the role as it was; `outputs` say otherwise."""
    state = {"type": "soundstage:host:Role", "custom": True, "outputs": {**role(host, name), **outputs}}
    return {"op": "refresh", "urn": urn(f"{name}-{host}"), "oldState": state, "newState": state, "detailedDiff": None}


def of_host(host: str, op: str) -> Json:
    """A host that comes or goes."""
    side = "newState" if op == "create" else "oldState"
    state = {"type": "soundstage:host:Host", "custom": False, "inputs": {"address": "10.0.0.1"}}
    return {"op": op, "urn": urn(host, "soundstage:host:Host"), side: state}


def says(step: Mapping[str, object], message: str, severity: str = "info") -> Json:
    """A message about a step."""
    return {"urn": step["urn"], "message": f"{message}\n", "severity": severity}


def printed(steps: Sequence[Json] = (), messages: Sequence[Mapping[str, object]] = (), same: int = 40) -> str:
    """The digest."""
    return json.dumps({"steps": list(steps), "diagnostics": list(messages), "changeSummary": {"same": same}})
