"""Hosts the operator has given up: their roles leave the state without anybody being asked."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from ruamel.yaml import YAML

from provider.errors import PluginError

CONFIG_KEY = "soundstage:lost_hosts"


def stack_of(urn: str) -> str:
    """The stack in a URN `urn:pulumi:<stack>::<project>::<type>::<name>`."""
    return urn.removeprefix("urn:pulumi:").split("::", 1)[0]


def lost_hosts(project: Path, stack: str) -> frozenset[str]:
    """The names under `soundstage:lost_hosts` in Pulumi.<stack>.yaml. Raises PluginError for anything else."""
    file = project / f"Pulumi.{stack}.yaml"
    if not file.exists():
        return frozenset()
    # The library's own parameter types are open.
    content = cast("object", YAML(typ="safe").load(file))  # pyright: ignore[reportUnknownMemberType]
    config = cast("dict[str, object]", content).get("config") if isinstance(content, dict) else None
    named = cast("dict[str, object]", config).get(CONFIG_KEY) if isinstance(config, dict) else None
    if named is None:
        return frozenset()
    names = cast("list[object]", named) if isinstance(named, list) else [named]
    if not isinstance(named, list) or not all(isinstance(name, str) for name in names):
        raise PluginError(
            f"{file.name}: {CONFIG_KEY} must be a list of host names, for example [app2]; given is {named!r}"
        )
    return frozenset(cast("list[str]", names))
