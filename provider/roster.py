"""soundstage:host:Roster — what a host answers for: every role declared for it reached it, and it has no other.

A role whose host is off is no error of that role (provider/role.py): the engine would skip whatever depends on it, on
every other host. It is marked instead, and the error is the roster's, on which nothing depends.
"""

from __future__ import annotations

from collections.abc import Mapping

from pulumi.provider.experimental import provider
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import PropertyDiff, PropertyDiffKind

from provider.errors import Interrupted, PluginError, Unreachable
from provider.lost_hosts import lost_hosts, stack_of
from provider.resource import Run
from provider.ssh import Target, target_of
from provider.values import UNKNOWN, Plain, Properties, as_map, as_text, as_texts, dressed, plain_map


class RosterType:
    """`roles` is a map of role name → whether it reached the host."""

    def __init__(self, run: Run) -> None:
        self._run = run

    async def check(self, request: provider.CheckRequest) -> provider.CheckResponse:
        """Refuses a roster without a host, its connection or roles."""
        inputs = plain_map(request.new_inputs)
        missing = [key for key in ("host", "connection", "roles") if not inputs.get(key)]
        failures = [provider.CheckFailure(key, "is missing or empty") for key in missing]
        return provider.CheckResponse(inputs=request.new_inputs, failures=failures)

    async def diff(self, request: provider.DiffRequest) -> provider.DiffResponse:
        """Roles that come, that go, that were not reached, or that nobody declared."""
        old, new = plain_map(request.old_state), plain_map(request.new_inputs)
        if old.get("host") != new.get("host"):
            moved = {"host": PropertyDiff(PropertyDiffKind.UPDATE_REPLACE, False)}
            return provider.DiffResponse(True, replaces=["host"], delete_before_replace=True, detailed_diff=moved)
        before, after = as_map(old.get("roles")), as_map(new.get("roles"))
        detailed: dict[str, PropertyDiff] = {}
        for name in sorted(before.keys() | after.keys()):
            # What a preview cannot know yet is that a host turns out to be off.
            if after.get(name) != UNKNOWN and before.get(name) != after.get(name):
                detailed[f'roles["{name}"]'] = PropertyDiff(_kind(name, before, after), False)
        strays = sorted(before.keys() - after.keys())
        if strays:
            line = f"{', '.join(strays)} is not declared here any more → removed if still there"
            await self._run.log.info(request.urn, f"{as_text(new.get('host'))}: {line}")
        return provider.DiffResponse(bool(detailed), diffs=["roles"] if detailed else [], detailed_diff=detailed)

    async def create(self, request: provider.CreateRequest) -> provider.CreateResponse:
        """Settles the roster."""
        if not request.preview:
            await self._settle(request.urn, request.properties)
        return provider.CreateResponse(request.name, dict(request.properties))

    async def update(self, request: provider.UpdateRequest) -> provider.UpdateResponse:
        """Settles the roster."""
        if not request.preview:
            await self._settle(request.urn, request.news)
        return provider.UpdateResponse(dict(request.news))

    async def read(self, request: provider.ReadRequest) -> provider.ReadResponse:
        """Adds the roles the host has and nobody declared; a host that cannot be asked keeps what is stored."""
        declared = request.inputs or request.properties
        stored = provider.ReadResponse(request.resource_id, request.properties, request.inputs)
        target = self._target(declared)
        if target.host in lost_hosts(self._run.project, stack_of(request.urn)):
            return stored
        try:
            present = await self._present(target)
        except Interrupted:
            raise
        except PluginError:
            return stored
        roles = as_map(plain_map(declared).get("roles"))
        strays: dict[str, Plain] = {name: True for name in present if name not in roles}
        outputs = {**request.properties, "roles": dressed({**roles, **strays})} if strays else request.properties
        return provider.ReadResponse(request.resource_id, outputs, request.inputs)

    async def delete(self, request: provider.DeleteRequest) -> None:
        """The roles go by themselves."""

    async def _settle(self, urn: str, properties: Properties) -> None:
        target, roles = self._target(properties), as_map(plain_map(properties).get("roles"))
        present = await self._present(target)  # raises Unreachable for a host that is off
        missed = sorted(name for name, reached in roles.items() if reached is False)
        if missed:
            raise Unreachable(f"{target.host} answers again; the next run applies {', '.join(missed)}")
        for name in reversed([name for name in present if name not in roles]):
            await self._run.log.info(urn, f"{target.host}: removing {name}, which is not declared here any more")
            await self._run.hosts.ask(target, {"op": "remove", "role": name}, self._silent)

    async def _present(self, target: Target) -> list[str]:
        answer = await self._run.hosts.ask(target, {"op": "roles"}, self._silent)
        return as_texts(answer.get("roles"))

    async def _silent(self, step: str) -> None:
        """Progress that is not worth a line."""

    def _target(self, properties: Mapping[str, PropertyValue]) -> Target:
        inputs = plain_map(properties)
        return target_of(as_text(inputs.get("host")), inputs.get("connection"), self._run.project)


def _kind(name: str, before: Mapping[str, Plain], after: Mapping[str, Plain]) -> PropertyDiffKind:
    if name not in before:
        return PropertyDiffKind.ADD
    return PropertyDiffKind.UPDATE if name in after else PropertyDiffKind.DELETE
