"""The kinds of resources this plugin knows, by their type token."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pulumi.provider.experimental import provider
from pulumi.provider.experimental.property_value import PropertyValue

from provider.errors import PluginError
from provider.password import PasswordType
from provider.pki import AuthorityType, CertificateType
from provider.redaction import Redaction
from provider.resource import ResourceType, Run
from provider.role import RoleType
from provider.rollout import RolloutType
from provider.roster import RosterType

VERSION = "0.1.0"

_ENGINE_KEYS = frozenset({"version", "pluginDownloadURL", "pluginChecksums", "__internal"})
"""What the engine itself keeps in a provider's inputs."""


class Soundstage(provider.Provider):
    """Sends each call to its kind of resource, after the redaction has seen the secrets in it."""

    def __init__(self, run: Run, redaction: Redaction) -> None:
        self._run = run
        self._redaction = redaction
        self._types: Mapping[str, ResourceType] = {
            "soundstage:host:Role": RoleType(run),
            "soundstage:host:Roster": RosterType(run),
            "soundstage:secret:Password": PasswordType(),
            "soundstage:pki:Authority": AuthorityType(),
            "soundstage:pki:Certificate": CertificateType(),
            "soundstage:cluster:Rollout": RolloutType(run),
        }

    async def get_schema(self, request: provider.GetSchemaRequest) -> provider.GetSchemaResponse:  # noqa: ARG002 - one schema
        """Name and version; programs use the resources by their type tokens."""
        return provider.GetSchemaResponse(json.dumps({"name": "soundstage", "version": VERSION}))

    async def check_config(self, request: provider.CheckRequest) -> provider.CheckResponse:
        """Keeps nothing of the project's config, which arrives here because project and package share their name."""
        kept = {key: value for key, value in request.new_inputs.items() if key in _ENGINE_KEYS}
        return provider.CheckResponse(inputs=kept)

    async def configure(self, request: provider.ConfigureRequest) -> provider.ConfigureResponse:  # noqa: ARG002 - no config
        """Secrets and previews, no output values: a value has marks of its own or none."""
        return provider.ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def check(self, request: provider.CheckRequest) -> provider.CheckResponse:
        """See ResourceType. A refusal quotes what was given, so it goes through the redaction too."""
        answer = await self._type(request.type, request.new_inputs).check(request)
        failures = [
            provider.CheckFailure(each.property, self._redaction.clean(each.reason)) for each in answer.failures or ()
        ]
        return provider.CheckResponse(inputs=answer.inputs, failures=failures)

    async def diff(self, request: provider.DiffRequest) -> provider.DiffResponse:
        """See ResourceType."""
        return await self._type(request.type, request.old_state, request.new_inputs).diff(request)

    async def create(self, request: provider.CreateRequest) -> provider.CreateResponse:
        """See ResourceType."""
        return await self._type(request.type, request.properties).create(request)

    async def update(self, request: provider.UpdateRequest) -> provider.UpdateResponse:
        """See ResourceType."""
        return await self._type(request.type, request.olds, request.news).update(request)

    async def read(self, request: provider.ReadRequest) -> provider.ReadResponse:
        """See ResourceType."""
        return await self._type(request.type, request.properties, request.inputs).read(request)

    async def delete(self, request: provider.DeleteRequest) -> None:
        """See ResourceType."""
        await self._type(request.type, request.properties).delete(request)

    async def cancel(self) -> None:
        """Starts nothing new; running requests get a moment, and what they began ends on the hosts by itself."""
        await self._run.hosts.cancel()

    def _type(self, token: str, *properties: Mapping[str, PropertyValue]) -> ResourceType:
        for each in properties:
            self._redaction.learn(each)
        # A child's URN holds its parents' types before its own: `soundstage:a:A$soundstage:host:Role`.
        found = self._types.get(token.rsplit("$", 1)[-1])
        if found is None:
            raise PluginError(f"{token} is no resource of this plugin; there are {', '.join(self._types)}")
        return found
