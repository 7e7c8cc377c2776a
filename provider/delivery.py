"""Brings a role to its host: missing sources first, then the role, then the proof that a way in is left."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from pathlib import Path

from provider.archive import packed
from provider.errors import ConnectionLost, OperationFailed, Unreachable
from provider.hosts import Hosts
from provider.session import Progress
from provider.ssh import Target
from provider.values import Plain, as_map, as_number, as_text, as_texts

_BETWEEN_TRIES_SECONDS = 1.0
_CLOCK_TRIES = 3


class Delivery:
    """Applies roles; relative artifact sources are relative to `project`."""

    def __init__(self, hosts: Hosts, project: Path) -> None:
        self._hosts = hosts
        self._project = project

    async def apply(self, target: Target, role: Mapping[str, Plain], progress: Progress) -> dict[str, Plain]:
        """The host's answer to the role, confirmed where the role asks for it. Raises what Hosts raises."""
        incoming = await self._bring(target, as_map(role.get("artifacts")), progress)
        request: dict[str, Plain] = {
            "op": "apply",
            "host": target.host,
            "role": dict(role),
            "clock_offset_seconds": await self._clock_offset(target, role, progress),
            "incoming": incoming,
        }
        try:
            result = await self._hosts.ask(target, request, progress)
        finally:
            for upload in incoming.values():
                await self._hosts.discard(target, as_text(as_map(upload).get("file")))
        if result.get("armed"):
            await self._confirm(target, role, progress)
        return result

    async def _clock_offset(self, target: Target, role: Mapping[str, Plain], progress: Progress) -> float | None:
        """How far the host's clock is off at least, in seconds; None where the role does not ask.

        What the way there and back took may be all of a difference, so that much is never held against the host; asked
        again when the way took longer than what is allowed.
        """
        allowed = as_number(as_map(role.get("requires")).get("clock_offset_seconds"), 0)
        least: float | None = None
        for _ in range(_CLOCK_TRIES if allowed else 0):
            asked = time.time()
            answer = await self._hosts.ask(target, {"op": "facts"}, progress)
            answered = time.time()
            there = as_number(answer.get("time"), asked)
            least = there - min(max(there, asked), answered)
            if answered - asked <= allowed:
                break
        return least

    async def _bring(self, target: Target, artifacts: Mapping[str, Plain], progress: Progress) -> dict[str, Plain]:
        """Uploads what the host does not have; one question when it has everything."""
        if not artifacts:
            return {}
        wanted: dict[str, Plain] = {path: as_map(artifact).get("sha256") for path, artifact in artifacts.items()}
        answer = await self._hosts.ask(target, {"op": "missing", "artifacts": wanted}, progress)
        incoming: dict[str, Plain] = {}
        for path in as_texts(answer.get("missing")):
            source = self._project / as_text(as_map(artifacts[path]).get("source"))
            await progress(f"uploading {source.name}")
            upload = await asyncio.to_thread(packed, source, as_text(wanted[path]))
            # A name of its own: two roles may bring the same sources at the same time.
            name = f".soundstage-{upload.sha256[:16]}-{secrets.token_hex(4)}"
            incoming[path] = {"file": await self._hosts.upload(target, upload.content, name), "sha256": upload.sha256}
        return incoming

    async def _confirm(self, target: Target, role: Mapping[str, Plain], progress: Progress) -> None:
        """Asks over new connections until one comes through; the host undoes the change when none does in time."""
        seconds = as_number(role.get("confirm_seconds"), 60)
        until, refusal = time.monotonic() + seconds, ""
        await progress("confirming over a new connection")
        while time.monotonic() < until:
            try:
                await self._hosts.ask_anew(target, {"op": "confirm", "role": role.get("name")}, progress)
            except (Unreachable, ConnectionLost) as error:
                refusal = str(error)
                await asyncio.sleep(_BETWEEN_TRIES_SECONDS)
            else:
                return
        raise OperationFailed(
            f"confirm: no new connection came through after the change ({refusal});"
            f" the host puts its previous state back after {seconds:g} s"
        )
