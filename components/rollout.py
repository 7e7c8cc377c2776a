"""Restarts of daemons that elect a leader: who leads is known only at run time."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
from pydantic import Field

from components.values import Machine, Value
from roles.model import Drain


class Member(Value):
    """One member: `unit` restarts when `fingerprint` (of its configuration) differs from the one noted on the host."""

    machine: Machine
    fingerprint: str
    unit: str


class RolloutArgs(Value):
    """The members and the commands that are run on them; each step must succeed within `deadline_seconds`."""

    members: Mapping[str, Member] = Field(min_length=1)
    leader_argv: tuple[str, ...] = Field(min_length=1)
    """Prints the name of the member that leads."""
    healthy_argv: tuple[str, ...] = Field(min_length=1)
    """Exits with 0 on a member that is healthy."""
    handover_argv: tuple[str, ...] = Field(min_length=1)
    """Asks the leader to step down."""
    deadline_seconds: float = Field(default=60, gt=0)
    drain: Drain | None = None


class Rollout(pulumi.CustomResource):
    """Restarts the followers one at a time behind a health gate, hands over once, then restarts the old leader."""

    def __init__(self, name: str, args: RolloutArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        properties = {
            **args.model_dump(mode="json", exclude={"members"}),
            "members": {key: _member(member) for key, member in args.members.items()},
        }
        super().__init__("soundstage:cluster:Rollout", name, properties, opts)


def _member(member: Member) -> Mapping[str, object]:
    return {
        "host": member.machine.name,
        "connection": member.machine.connection.model_dump(mode="json"),
        "fingerprint": member.fingerprint,
        "unit": member.unit,
    }
