"""What on the hosts is no longer as the last `up` left it, with an exit code for scripts."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypedDict

from toolchain.cache import PROJECT

NONE, FAILED, DIFFERENCES = 0, 1, 2
"""Exit codes. A host that cannot be asked is a difference, never "none"."""
_WORDS = {NONE: "none", FAILED: "could not be told", DIFFERENCES: "there are differences; `make up` repairs them"}


class _Summary(TypedDict):
    resourceChanges: Mapping[str, int]


class _Event(TypedDict, total=False):
    summaryEvent: _Summary


def show(stack: str, environment: Mapping[str, str]) -> int:
    """Ask every host, print the differing lines; changes neither hosts nor state. Returns one of the exit codes."""
    with tempfile.TemporaryDirectory() as directory:
        events = Path(directory, "events")
        command = ["pulumi", "refresh", "--preview-only", "--diff", "--suppress-outputs", "--stack", stack]
        # Pulumi's own exit code does not tell a difference from a failure; its events do.
        command += ["--event-log", str(events)]
        debug = {**environment, "PULUMI_DEBUG_COMMANDS": "true"}
        status = subprocess.run(command, cwd=PROJECT, env=debug, check=False).returncode
        lines = events.read_text().splitlines() if events.is_file() else []
    code = verdict(status, lines)
    print(f"drift of {stack}: {_WORDS[code]}")
    return code


def verdict(status: int, events: Iterable[str]) -> int:
    """The exit code for Pulumi's exit `status` and its `events` (one JSON object a line)."""
    summaries = [event["summaryEvent"] for event in _parsed(events) if "summaryEvent" in event]
    if status != 0 or not summaries:
        return FAILED
    counts = [count for summary in summaries for kind, count in summary["resourceChanges"].items() if kind != "same"]
    return DIFFERENCES if any(counts) else NONE


def _parsed(lines: Iterable[str]) -> Iterable[_Event]:
    return (json.loads(line) for line in lines if line.strip())
