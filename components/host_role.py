"""One duty of one host, as a resource of the `soundstage` plugin."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
from pydantic import Field

from components.values import Machine, Value
from roles.model import Content, Late, Role


class HostRoleArgs(Value):
    """`late` holds a text for every `Late` leaf of the role: no more, no less.

    The `foundation` of a host goes last and takes along whatever roles are still there; that a host is off is an error
    of its removal, and of no other role's.
    """

    machine: Machine
    role: Role
    foundation: bool = False
    late: Mapping[str, pulumi.Output[str]] = Field(default_factory=dict)


class HostRole(pulumi.CustomResource):
    """Makes `role` true on the host and proves it; see roles/model.py for what a role may say."""

    machine_name: str
    role_name: str
    host: pulumi.Output[str]
    healthy: pulumi.Output[bool]
    reachable: pulumi.Output[bool]

    def __init__(self, name: str, args: HostRoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raises ValueError when `args.late` does not fit the role's `Late` leaves."""
        properties = {
            "host": args.machine.name,
            "connection": args.machine.connection.model_dump(mode="json"),
            "role": role_input(args.role, args.late),
            "foundation": args.foundation,
            "healthy": None,
            "reachable": None,
            "unsettable": None,
        }
        super().__init__("soundstage:host:Role", name, properties, opts)
        self.machine_name, self.role_name = args.machine.name, args.role.name


def role_input(role: Role, late: Mapping[str, pulumi.Output[str]]) -> Mapping[str, object]:
    """The role as the plugin takes it; of its files only those with a `Late` leaf are Outputs, secret or unknown."""
    if role.late_names() != frozenset(late):
        expected, given = sorted(role.late_names()), sorted(late)
        raise ValueError(f"role {role.name} needs late texts {expected}, was given {given}")
    files = {
        path: {**file.model_dump(mode="json", exclude={"content"}), "content": _text(file.content, late)}
        for path, file in role.files.items()
    }
    return {**role.model_dump(mode="json", exclude={"files"}), "files": files}


def _text(content: Content, late: Mapping[str, pulumi.Output[str]]) -> pulumi.Input[str]:
    leaves = content if isinstance(content, tuple) else (content,)
    known = [leaf for leaf in leaves if isinstance(leaf, str)]
    if len(known) == len(leaves):
        return "".join(known)
    return pulumi.Output.concat(*(late[leaf.late] if isinstance(leaf, Late) else leaf for leaf in leaves))
