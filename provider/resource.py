"""What every resource of the plugin is given, and what it has to answer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pulumi.provider.experimental import provider

from provider.hosts import Hosts
from provider.invocation import Invocation
from provider.log import Log


@dataclass(frozen=True)
class Run:
    """This run of the plugin: the hosts, the engine's ear, the project's folder and the command it serves."""

    hosts: Hosts
    log: Log
    project: Path
    invocation: Invocation


class ResourceType(Protocol):
    """The life of one kind of resource. Check and Diff do no input or output: the engine calls them one by one."""

    async def check(self, request: provider.CheckRequest) -> provider.CheckResponse:
        """Refuses wrong inputs by name."""
        ...

    async def diff(self, request: provider.DiffRequest) -> provider.DiffResponse:
        """What differs between the state and the new inputs."""
        ...

    async def create(self, request: provider.CreateRequest) -> provider.CreateResponse:
        """Makes it, or says in a preview what it will be."""
        ...

    async def update(self, request: provider.UpdateRequest) -> provider.UpdateResponse:
        """Changes it in place."""
        ...

    async def read(self, request: provider.ReadRequest) -> provider.ReadResponse:
        """How it really is."""
        ...

    async def delete(self, request: provider.DeleteRequest) -> None:
        """Takes it away."""
        ...
