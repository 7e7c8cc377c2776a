"""A cluster whose leader is known only at run time: asked, restarted member by member, handed over once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from provider.errors import OperationFailed
from provider.hosts import Hosts
from provider.session import Progress
from provider.ssh import Target
from provider.values import Plain, as_text

NOTES = "/var/lib/soundstage/rollouts"
"""On the hosts: one file per rollout and unit, holding the fingerprint the unit was last restarted for."""

_BETWEEN_QUESTIONS_SECONDS = 0.5
_COMMAND_SECONDS = 10


@dataclass(frozen=True)
class Member:
    """One member of the cluster; `fingerprint` is that of the configuration its unit has to run with."""

    name: str
    target: Target
    fingerprint: str
    unit: str


@dataclass(frozen=True)
class Cluster:
    """The members and how to ask them. `{leader}` and `{candidate}` in `handover_argv` stand for member names.

    Every method raises OperationFailed when a step does not succeed within `deadline_seconds`.
    """

    name: str
    hosts: Hosts
    members: Mapping[str, Member]
    leader_argv: Sequence[str]
    healthy_argv: Sequence[str]
    handover_argv: Sequence[str]
    deadline_seconds: float
    drain: Plain
    tell: Progress

    async def roll(self) -> None:
        """Restarts every member whose noted fingerprint is another: one at a time, all healthy before, leader last."""
        noted = dict(zip(self.members, await asyncio.gather(*map(self.noted, self.members.values())), strict=True))
        waiting = [member for name, member in self.members.items() if noted[name] != member.fingerprint]
        handed_over = False
        while waiting:
            await self._all_healthy()
            leader = await self.leader()
            followers = [member for member in waiting if member.name != leader]
            if not followers and len(self.members) > 1:
                if handed_over:
                    raise OperationFailed(f"{self.name}: {leader} leads again after the handover; run again")
                await self._hand_over(leader)
                handed_over = True
            member = (followers or waiting)[0]
            await self._restart(member)
            waiting.remove(member)

    async def leader(self) -> str:
        """The name of the member that leads, as one of the members says."""
        until, said = time.monotonic() + self.deadline_seconds, "nothing"
        while time.monotonic() < until:
            for member in self.members.values():
                answer = await self._run(member, self.leader_argv)
                said = as_text(answer.get("stdout")).strip()
                if answer.get("status") == 0 and said in self.members:
                    return said
            await asyncio.sleep(_BETWEEN_QUESTIONS_SECONDS)
        raise OperationFailed(
            f"{self.name}: no member said within {self.deadline_seconds:g} s who leads; the last answer was {said!r},"
            f" members are {', '.join(self.members)}"
        )

    async def noted(self, member: Member) -> str:
        """The fingerprint the member's unit was last restarted for, "" when there is none."""
        answer = await self._run(member, ["cat", self._note(member)])
        return as_text(answer.get("stdout")).strip() if answer.get("status") == 0 else ""

    async def forget(self, member: Member) -> None:
        """Removes the member's note, and the directory of notes with its last one."""
        await self._run(member, ["rm", "-f", self._note(member)])
        await self._run(member, ["rmdir", "--ignore-fail-on-non-empty", NOTES])

    async def _restart(self, member: Member) -> None:
        await self.tell(f"{member.target.host}: restarting {member.unit}")
        request: dict[str, Plain] = {"op": "restart", "unit": member.unit, "drain": self.drain}
        await self.hosts.ask(member.target, request, self.tell)
        await self._healthy(member)
        written = await self._run(
            member, ["install", "-D", "-m", "0644", "/dev/stdin", self._note(member)], f"{member.fingerprint}\n"
        )
        if written.get("status") != 0:
            raise OperationFailed(
                f"{member.target.host}: {self._note(member)}: {as_text(written.get('stderr')).strip()}"
            )

    async def _hand_over(self, leader: str) -> None:
        candidate = next(name for name in self.members if name != leader)
        await self.tell(f"{self.name}: handing over from {leader}")
        words = [word.replace("{leader}", leader).replace("{candidate}", candidate) for word in self.handover_argv]
        answer = await self._run(self.members[leader], words)
        if answer.get("status") != 0:
            raise OperationFailed(f"{self.name}: handover from {leader}: {_said(answer)}")
        until = time.monotonic() + self.deadline_seconds
        while await self.leader() == leader:
            if time.monotonic() > until:
                raise OperationFailed(
                    f"{self.name}: {leader} still leads {self.deadline_seconds:g} s after the handover"
                )
            await asyncio.sleep(_BETWEEN_QUESTIONS_SECONDS)
        await self._all_healthy()

    async def _all_healthy(self) -> None:
        await asyncio.gather(*map(self._healthy, self.members.values()))

    async def _healthy(self, member: Member) -> None:
        until = time.monotonic() + self.deadline_seconds
        while (answer := await self._run(member, self.healthy_argv)).get("status") != 0:
            if time.monotonic() > until:
                raise OperationFailed(
                    f"{self.name}: {member.name} is not healthy within {self.deadline_seconds:g} s, so nothing (more)"
                    f" restarts: {_said(answer)}"
                )
            await asyncio.sleep(_BETWEEN_QUESTIONS_SECONDS)

    async def _run(self, member: Member, argv: Sequence[str], stdin: str = "") -> dict[str, Plain]:
        request: dict[str, Plain] = {
            "op": "command",
            "argv": list(argv),
            "timeout_seconds": _COMMAND_SECONDS,
            "stdin": stdin,
        }
        return await self.hosts.ask(member.target, request, self.tell)

    def _note(self, member: Member) -> str:
        return f"{NOTES}/{self.name}-{member.unit}"


def _said(answer: Mapping[str, Plain]) -> str:
    text = (as_text(answer.get("stderr")).strip() or as_text(answer.get("stdout")).strip()) or "without a word"
    return f"exit status {answer.get('status')}, {text}"
