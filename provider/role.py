"""soundstage:host:Role — one duty of one host, made true there and proven."""

from __future__ import annotations

from collections.abc import Mapping

from pulumi.provider.experimental import provider
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import PropertyDiff, PropertyDiffKind

from hostside.contract import problems
from provider import consequence
from provider.delivery import Delivery
from provider.difference import differences
from provider.errors import ConnectionLost, Interrupted, OperationFailed, PluginError, Unfinished, Unreachable
from provider.lost_hosts import CONFIG_KEY, lost_hosts, stack_of
from provider.observation import reflected
from provider.resource import Run
from provider.session import Progress
from provider.ssh import Target, target_of
from provider.values import UNKNOWN, Plain, Properties, as_map, as_text, as_texts, dressed, plain_map

_KINDS = {"add": PropertyDiffKind.ADD, "delete": PropertyDiffKind.DELETE, "update": PropertyDiffKind.UPDATE}


class RoleType:
    """Check, Diff, Create, Update, Read and Delete of a role."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._delivery = Delivery(run.hosts, run.project)
        self._said: set[str] = set()

    async def check(self, request: provider.CheckRequest) -> provider.CheckResponse:
        """Refuses a malformed role, naming every field that is wrong."""
        inputs = plain_map(request.new_inputs)
        wrong = [] if inputs.get("role") == UNKNOWN else problems(inputs.get("role"))
        sentences = [f"role.{each.path} {each.message}" if each.path else f"role {each.message}" for each in wrong]
        sentences += [f"{key} is missing" for key in ("host", "connection") if not inputs.get(key)]
        # Without a property name: beside a nested one the engine would print a value that is not its own.
        failures = [provider.CheckFailure("", sentence) for sentence in sentences]
        return provider.CheckResponse(inputs=request.new_inputs, failures=failures)

    async def diff(self, request: provider.DiffRequest) -> provider.DiffResponse:
        """Element by element; another host or role is a replacement, another way to reach the same one is no change."""
        old, new = plain_map(request.old_state), plain_map(request.new_inputs)
        host = as_text(new.get("host"))
        another = _another_role(old, new)
        if another:
            await self._run.log.info(request.urn, consequence.of_a_new_role(host, new.get("role")))
            moved = {another: PropertyDiff(PropertyDiffKind.UPDATE_REPLACE, False)}
            return provider.DiffResponse(True, replaces=[another], delete_before_replace=True, detailed_diff=moved)
        found = differences(old.get("role"), new.get("role"))
        detailed = {each.path: PropertyDiff(_KINDS[each.kind], False) for each in found}
        repairs = {key for key in ("reachable", "healthy") if old.get(key) is False}
        if found:
            await self._run.log.info(request.urn, consequence.of_a_change(host, old.get("role"), new.get("role")))
        elif repairs:
            line = consequence.of_a_repair(host, new.get("role"), reachable="reachable" not in repairs)
            await self._run.log.info(request.urn, line)
        detailed.update({key: PropertyDiff(PropertyDiffKind.UPDATE, False) for key in repairs})
        return provider.DiffResponse(changes=bool(detailed), diffs=_top(detailed), detailed_diff=detailed)

    async def create(self, request: provider.CreateRequest) -> provider.CreateResponse:
        """Applies the role, or says in a preview what that will do."""
        inputs = plain_map(request.properties)
        if request.preview:
            line = consequence.of_a_new_role(as_text(inputs.get("host")), inputs.get("role"))
            await self._run.log.info(request.urn, line)
            return provider.CreateResponse(properties=_outputs(request.properties, {}))
        try:
            outputs = await self._apply(request.urn, request.name, request.properties)
        except Unreachable:
            outputs = await self._left_for_later(request.urn, request.properties, _nothing_of(request.properties))
        return provider.CreateResponse(resource_id=request.name, properties=outputs)

    async def update(self, request: provider.UpdateRequest) -> provider.UpdateResponse:
        """Applies the new role; the host works out what really differs."""
        if request.preview:
            unsettable = as_map(plain_map(request.olds).get("unsettable"))
            return provider.UpdateResponse(properties=_outputs(request.news, unsettable))
        try:
            outputs = await self._apply(request.urn, request.resource_id, request.news)
        except Unreachable:
            outputs = await self._left_for_later(request.urn, request.news, request.olds["role"])
        return provider.UpdateResponse(properties=outputs)

    async def read(self, request: provider.ReadRequest) -> provider.ReadResponse:
        """The role as the host has it now. A host that cannot be read keeps its state, marked as not reachable."""
        declared = request.inputs or request.properties
        inputs = plain_map(declared)
        host = as_text(inputs.get("host"))
        if host in lost_hosts(self._run.project, stack_of(request.urn)):
            return provider.ReadResponse(request.resource_id, request.properties, request.inputs)
        target = target_of(host, inputs.get("connection"), self._run.project)
        question: dict[str, Plain] = {"op": "observe", "role": inputs.get("role")}
        try:
            answer = await self._run.hosts.ask(target, question, self._progress(request.urn, host))
        except Interrupted:
            raise
        except PluginError as error:
            self._could_not_be_read(inputs, error)
            stored = {**request.properties, "reachable": PropertyValue(False)}
            return provider.ReadResponse(request.resource_id, stored, request.inputs)
        if not answer.get("healthy"):
            failures = "; ".join(as_texts(answer.get("failures"))) or "its probes do not answer"
            await self._run.log.warning(request.urn, f"{_label(inputs)}: {failures}")
        seen = reflected(declared["role"], as_map(answer.get("observed")))
        unsettable = _settled(as_map(plain_map(request.properties).get("unsettable")), as_map(answer.get("unsettable")))
        outputs = _outputs({**declared, "role": seen}, unsettable, healthy=bool(answer.get("healthy")))
        return provider.ReadResponse(request.resource_id, outputs, request.inputs)

    async def delete(self, request: provider.DeleteRequest) -> None:
        """Removes what the role made; on a host that was given up nobody is asked.

        That a host is off is the error of its foundation, which goes last and takes along what was left behind.
        """
        state = plain_map(request.properties)
        host, name = as_text(state.get("host")), as_text(as_map(state.get("role")).get("name"))
        if host in lost_hosts(self._run.project, stack_of(request.urn)):
            await self._run.log.warning(request.urn, f"{host} {name}: dropped without asking, because {host} is lost")
            return
        target = target_of(host, state.get("connection"), self._run.project)
        is_foundation = state.get("foundation") is True
        try:
            for each in [*await self._left_behind(target, name), name] if is_foundation else [name]:
                await self._run.hosts.ask(target, {"op": "remove", "role": each}, self._progress(request.urn, host))
        except Unreachable as error:
            if is_foundation:
                raise Unreachable(f"{error} If {host} is gone for good, name it in {CONFIG_KEY}.") from None
            await self._run.log.info(request.urn, f"{host} {name}: left behind, because {host} cannot be reached")
        except OperationFailed as error:
            raise OperationFailed(f"{host} {name}: {error}") from None

    async def _apply(self, urn: str, resource_id: str, properties: Properties) -> dict[str, PropertyValue]:
        inputs = plain_map(properties)
        host, label = as_text(inputs.get("host")), _label(inputs)
        target = target_of(host, inputs.get("connection"), self._run.project)
        try:
            result = await self._delivery.apply(target, as_map(inputs.get("role")), self._progress(urn, host))
        except OperationFailed as error:
            raise OperationFailed(f"{label}: {error}") from None
        except (ConnectionLost, Interrupted) as error:
            half_known = {**_outputs(properties, {}), "reachable": PropertyValue(False)}
            raise Unfinished(f"{label}: {error}. The next run goes on.", resource_id, half_known) from None
        for note in as_texts(result.get("notes")):
            await self._run.log.info(urn, f"{label}: {note}")
        return _outputs(properties, as_map(result.get("unsettable")))

    async def _left_for_later(self, urn: str, properties: Properties, role: PropertyValue) -> dict[str, PropertyValue]:
        """What the state keeps of a role whose host is off: the next run tries again, and the roster says why."""
        await self._run.log.info(urn, f"{_label(plain_map(properties))}: left for later, because the host is off")
        return {**_outputs({**properties, "role": role}, {}), "reachable": PropertyValue(False)}

    async def _left_behind(self, target: Target, foundation: str) -> list[str]:
        """The roles still on the host besides its foundation, the latest first."""
        answer = await self._run.hosts.ask(target, {"op": "roles"}, self._progress("", target.host))
        return [name for name in reversed(as_texts(answer.get("roles"))) if name != foundation]

    def _progress(self, urn: str, host: str) -> Progress:
        async def tell(step: str) -> None:
            await self._run.log.progress(urn, f"{host}: {step}")

        return tell

    def _could_not_be_read(self, inputs: Mapping[str, Plain], error: PluginError) -> None:
        """Raises where no update follows that would: for a host that is off only at its first role."""
        whose = _label(inputs) if isinstance(error, OperationFailed) else as_text(inputs.get("host"))
        first = whose not in self._said
        self._said.add(whose)
        if first and self._run.invocation.nothing_follows_this_read():
            raise OperationFailed(f"{whose}: {error}") if isinstance(error, OperationFailed) else error


def _outputs(
    properties: Properties, unsettable: Mapping[str, Plain], *, healthy: bool = True
) -> dict[str, PropertyValue]:
    foundation = {key: properties[key] for key in ("foundation",) if key in properties}
    return {
        **foundation,
        "host": properties["host"],
        "connection": properties["connection"],
        "role": properties["role"],
        "healthy": PropertyValue(healthy),
        "reachable": PropertyValue(True),
        "unsettable": dressed(dict(unsettable)),
    }


def _another_role(old: Mapping[str, Plain], new: Mapping[str, Plain]) -> str:
    """The property that makes it another role than the one in the state, if any."""
    if old.get("host") != new.get("host"):
        return "host"
    return "role.name" if as_map(old.get("role")).get("name") != as_map(new.get("role")).get("name") else ""


def _nothing_of(properties: Properties) -> PropertyValue:
    """The role as a host has it that was never reached: its name and nothing else."""
    return dressed({"name": as_map(plain_map(properties).get("role")).get("name", "")})


def _settled(stored: dict[str, Plain], seen: dict[str, Plain]) -> dict[str, Plain]:
    """The stored reasons while the same keys cannot be set: their wording is no finding."""
    return stored if stored.keys() == seen.keys() else seen


def _label(inputs: Mapping[str, Plain]) -> str:
    return f"{as_text(inputs.get('host'))} {as_text(as_map(inputs.get('role')).get('name'))}"


def _top(detailed: Mapping[str, PropertyDiff]) -> list[str]:
    return sorted({path.split(".", 1)[0] for path in detailed})
