"""Runs pulumi for a stack and reads what it says as JSON: its text for people would print a violated plan's secrets."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, cast

from promotion import digest
from promotion.digest import Digest
from toolchain import local_state
from toolchain.cache import PROJECT
from toolchain.failure import Failure
from toolchain.progress import step

_QUIET = {"same", "refresh", "read"}
_VIOLATION = " violates plan: "
"""What the engine appends to this are whole properties, secrets in plain (seen with 3.259)."""


class _Metadata(TypedDict, total=False):
    op: str
    urn: str
    type: str


class _Resource(TypedDict):
    metadata: _Metadata


class _Diagnostic(TypedDict, total=False):
    message: str
    severity: str
    ephemeral: bool
    urn: str


class _Summary(TypedDict, total=False):
    resourceChanges: Mapping[str, int]


class Event(TypedDict, total=False):
    """One line of `pulumi up --json`."""

    resourcePreEvent: _Resource
    resOpFailedEvent: _Resource
    diagnosticEvent: _Diagnostic
    summaryEvent: _Summary


@dataclass(frozen=True)
class Stack:
    """A stack and the environment in which pulumi works on it."""

    name: str
    environment: Mapping[str, str]

    def preview(self, plan: Path | None = None) -> Digest:
        """What `up` would do; reaches no host. With `plan`, the engine's plan for exactly that is kept there.

        Raises Failure if the engine cannot even begin; whatever goes wrong later is in the digest's errors.
        """
        if plan is not None:
            plan.touch(mode=0o600)
        with step(f"previewing {self.name}"):
            return self._digest("preview", *([f"--save-plan={plan}"] if plan is not None else []))

    def observed(self) -> Digest:
        """What is on the hosts and not as the state says; changes neither."""
        with step(f"asking the hosts of {self.name}"):
            return self._digest("refresh", "--preview-only")

    def up(self, plan: Path, tell: Callable[[str], None]) -> int:
        """Carry out the plan and nothing else; `tell` gets lines of progress. Returns pulumi's exit code."""
        local_state.break_dead_locks(self.name)
        command = self._command("up", "--yes", "--skip-preview", "--suppress-outputs", f"--plan={plan}")
        with tempfile.TemporaryFile("w+") as errors:
            process = subprocess.Popen(
                command,
                cwd=PROJECT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
            with process:
                assert process.stdout is not None
                for line in process.stdout:
                    for told in lines_of(line):
                        tell(told)
            errors.seek(0)
            said = safe(errors.read().strip())
        if said:
            tell(said)
        return process.returncode

    def _digest(self, *arguments: str) -> Digest:
        done = subprocess.run(
            self._command(*arguments), cwd=PROJECT, env=self.environment, capture_output=True, text=True, check=False
        )
        if not done.stdout.strip():
            raise Failure(f"{self.name}: {safe(done.stderr.strip()).removeprefix('error: ') or 'pulumi said nothing'}")
        found = digest.read(self.name, done.stdout, self.environment)
        if done.returncode != 0 and not found.errors:
            raise Failure(f"{self.name}: pulumi {arguments[0]} ended with {done.returncode}")
        return found

    def _command(self, *arguments: str) -> list[str]:
        return ["pulumi", *arguments, "--json", "--non-interactive", "--stack", self.name]


def lines_of(line: str) -> list[str]:
    """What one line of `pulumi up --json` says to a person; nothing for most."""
    try:
        event = cast("Event", json.loads(line))
    except json.JSONDecodeError:
        return []
    if "resourcePreEvent" in event:
        metadata = event["resourcePreEvent"]["metadata"]
        operation = metadata.get("op", "")
        return [] if operation in _QUIET else [f"  {operation} {_name(metadata)}"]
    if "resOpFailedEvent" in event:
        return [f"  FAILED {_name(event['resOpFailedEvent']['metadata'])}"]
    if "summaryEvent" in event:
        counts = event["summaryEvent"].get("resourceChanges", {})
        return [f"  {', '.join(f'{count} {operation}' for operation, count in sorted(counts.items()))}"]
    return _of_diagnostic(event["diagnosticEvent"]) if "diagnosticEvent" in event else []


def _of_diagnostic(diagnostic: _Diagnostic) -> list[str]:
    severity = diagnostic.get("severity", "")
    message = safe(diagnostic.get("message", "").strip())
    if severity in ("error", "warning"):
        return [f"  {severity}: {message.removeprefix(f'{severity}: ')}"]
    return [f"    {message}"] if severity == "info" and diagnostic.get("ephemeral") else []


def safe(message: str) -> str:
    """An error of the engine without the values of a violated plan."""
    before, violated, _ = message.partition(_VIOLATION)
    return f"{before} is no longer what was reviewed: it violates the plan" if violated else message


def _name(metadata: _Metadata) -> str:
    return metadata.get("urn", "").rsplit("::", maxsplit=1)[-1]
