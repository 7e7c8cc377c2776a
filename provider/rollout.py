"""soundstage:cluster:Rollout — restarts the members of a daemon that elects a leader, the leader last."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from pulumi.provider.experimental import provider
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import PropertyDiff, PropertyDiffKind

from provider.cluster import Cluster, Member
from provider.errors import ConnectionLost, Interrupted, PluginError, Unfinished
from provider.lost_hosts import lost_hosts, stack_of
from provider.resource import Run
from provider.ssh import target_of
from provider.values import Plain, Properties, as_map, as_number, as_text, as_texts, dressed, plain_map

_REQUIRED = ("members", "leader_argv", "healthy_argv", "handover_argv")


class RolloutType:
    """What needs a restart is what each host has noted of its last one: an interrupted roll goes on."""

    def __init__(self, run: Run) -> None:
        self._run = run

    async def check(self, request: provider.CheckRequest) -> provider.CheckResponse:
        """Refuses a rollout without members or without one of its commands."""
        inputs = plain_map(request.new_inputs)
        failures = [provider.CheckFailure(key, "is missing or empty") for key in _REQUIRED if not inputs.get(key)]
        failures += [
            provider.CheckFailure("", f"members.{name}.{key} is missing")
            for name, member in as_map(inputs.get("members")).items()
            for key in ("host", "connection", "unit", "fingerprint")
            if not as_map(member).get(key)
        ]
        return provider.CheckResponse(inputs=request.new_inputs, failures=failures)

    async def diff(self, request: provider.DiffRequest) -> provider.DiffResponse:
        """Members that come, go, or whose configuration is another; commands and deadlines are no difference."""
        old = as_map(plain_map(request.old_state).get("members"))
        new = as_map(plain_map(request.new_inputs).get("members"))
        detailed: dict[str, PropertyDiff] = {}
        for name in old.keys() | new.keys():
            before, after = as_map(old.get(name)), as_map(new.get(name))
            if not before or not after:
                kind = PropertyDiffKind.ADD if after else PropertyDiffKind.DELETE
                detailed[f"members.{name}"] = PropertyDiff(kind, False)
                continue
            for key in ("host", "unit", "fingerprint"):
                if before.get(key) != after.get(key):
                    detailed[f"members.{name}.{key}"] = PropertyDiff(PropertyDiffKind.UPDATE, False)
        restarts = sorted({path.split(".")[1] for path in detailed if as_map(new.get(path.split(".")[1]))})
        if restarts:
            line = f"{request.name}: restart {', '.join(restarts)} one at a time, the leader last after one handover"
            await self._run.log.info(request.urn, line)
        return provider.DiffResponse(
            changes=bool(detailed), diffs=["members"] if detailed else [], detailed_diff=detailed
        )

    async def create(self, request: provider.CreateRequest) -> provider.CreateResponse:
        """Rolls what is not noted yet."""
        if not request.preview:
            await self._roll(request.urn, request.name, request.properties)
        return provider.CreateResponse(request.name, dict(request.properties))

    async def update(self, request: provider.UpdateRequest) -> provider.UpdateResponse:
        """Rolls what differs."""
        if not request.preview:
            await self._roll(request.urn, request.resource_id, request.news)
        return provider.UpdateResponse(dict(request.news))

    async def read(self, request: provider.ReadRequest) -> provider.ReadResponse:
        """The fingerprints as the hosts have noted them; a host that cannot be asked keeps what is stored."""
        declared = request.inputs or request.properties
        cluster = self._cluster(request.urn, request.name, declared)
        stored = as_map(plain_map(request.properties).get("members"))

        async def noted(member: Member) -> str:
            if member.target.host in lost_hosts(self._run.project, stack_of(request.urn)):
                return as_text(as_map(stored.get(member.name)).get("fingerprint"))
            try:
                return await cluster.noted(member)
            except Interrupted:
                raise
            except PluginError:
                return as_text(as_map(stored.get(member.name)).get("fingerprint"))

        found = dict(zip(cluster.members, await asyncio.gather(*map(noted, cluster.members.values())), strict=True))
        members = as_map(plain_map(declared).get("members"))
        seen: dict[str, Plain] = {name: {**as_map(members[name]), "fingerprint": found[name]} for name in members}
        outputs = {**declared, "members": dressed(seen, declared["members"])}
        return provider.ReadResponse(request.resource_id, outputs, request.inputs)

    async def delete(self, request: provider.DeleteRequest) -> None:
        """Removes the notes; the daemons are their roles' concern."""
        cluster = self._cluster(request.urn, request.name, request.properties)
        lost = lost_hosts(self._run.project, stack_of(request.urn))
        await asyncio.gather(*(cluster.forget(m) for m in cluster.members.values() if m.target.host not in lost))

    async def _roll(self, urn: str, resource_id: str, properties: Properties) -> None:
        cluster = self._cluster(urn, resource_id, properties)
        try:
            await cluster.roll()
        except (ConnectionLost, Interrupted) as error:
            outputs: dict[str, PropertyValue] = {**properties, "members": _unrolled(properties)}
            raise Unfinished(f"{resource_id}: {error}. The next run goes on.", resource_id, outputs) from None

    def _cluster(self, urn: str, name: str, properties: Properties) -> Cluster:
        inputs = plain_map(properties)

        async def tell(step: str) -> None:
            await self._run.log.progress(urn, step)

        members = {
            key: Member(
                name=key,
                target=target_of(as_text(as_map(item).get("host")), as_map(item).get("connection"), self._run.project),
                fingerprint=as_text(as_map(item).get("fingerprint")),
                unit=as_text(as_map(item).get("unit")),
            )
            for key, item in sorted(as_map(inputs.get("members")).items())
        }
        return Cluster(
            name=name,
            hosts=self._run.hosts,
            members=members,
            leader_argv=as_texts(inputs.get("leader_argv")),
            healthy_argv=as_texts(inputs.get("healthy_argv")),
            handover_argv=as_texts(inputs.get("handover_argv")),
            deadline_seconds=as_number(inputs.get("deadline_seconds"), 60),
            drain=inputs.get("drain"),
            tell=tell,
        )


def _unrolled(properties: Mapping[str, PropertyValue]) -> PropertyValue:
    members = as_map(plain_map(properties).get("members"))
    unknown: dict[str, Plain] = {name: {**as_map(member), "fingerprint": ""} for name, member in members.items()}
    return dressed(unknown, properties["members"])
