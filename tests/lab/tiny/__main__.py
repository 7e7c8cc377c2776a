"""The smallest program for the plugin: the hosts and roles that `world.json` beside it names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypedDict, cast

import pulumi

from components.ending import end_with_the_engine


class Host(TypedDict):
    """How a host is reached and its roles in their order."""

    connection: dict[str, object]
    roles: list[dict[str, object]]


class Password(pulumi.CustomResource):
    """A generated password."""

    value: pulumi.Output[str]


class Role(pulumi.CustomResource):
    """A role; `reachable` says whether it came to its host."""

    reachable: pulumi.Output[bool]


def with_secret(role: dict[str, object], secret: pulumi.Output[str]) -> dict[str, object]:
    """The role with the password in place of the word PASSWORD."""
    files = cast("dict[str, dict[str, str]]", role.get("files", {}))
    filled = {
        path: {**file, "content": pulumi.Output.concat(*_split(file["content"], secret))}
        if "PASSWORD" in file["content"]
        else file
        for path, file in files.items()
    }
    return {**role, "files": filled}


def _split(content: str, secret: pulumi.Output[str]) -> list[pulumi.Input[str]]:
    before, after = content.split("PASSWORD")
    return [before, secret, after]


end_with_the_engine()
hosts = cast("dict[str, Host]", json.loads(Path("world.json").read_text(encoding="utf-8")))
password = Password(
    "soundstage:secret:Password",
    "password",
    {"length": 32, "generation": 1, "value": None},
    pulumi.ResourceOptions(additional_secret_outputs=["value"]),
)
for name, host in hosts.items():
    done: list[Role] = []
    for role in host["roles"]:
        declared = {"host": name, "connection": host["connection"], "role": with_secret(role, password.value)}
        properties = {**declared, "foundation": not done, "reachable": None}
        options = pulumi.ResourceOptions(depends_on=done[-1:])
        done.append(Role("soundstage:host:Role", f"{role['name']}-{name}", properties, options))
    reached = {str(role["name"]): each.reachable for role, each in zip(host["roles"], done, strict=True)}
    roster = {"host": name, "connection": host["connection"], "roles": reached}
    pulumi.CustomResource("soundstage:host:Roster", name, roster)
