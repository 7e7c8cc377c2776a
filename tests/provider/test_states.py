"""States that earlier versions wrote: a newer plugin finds nothing to do in them. Secrets are left out of the files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypedDict

import pytest
from pulumi.runtime.proto import provider_pb2

from provider.values import Plain, dressed_map
from tests.provider.harness import Plugin


class Stored(TypedDict):
    """One resource of a stored state."""

    type: str
    inputs: dict[str, Plain]
    outputs: dict[str, Plain]


FILES = sorted((Path(__file__).parent / "states").glob("*.json"))
STATES: dict[str, list[Stored]] = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in FILES}


@pytest.mark.parametrize("version", STATES)
async def test_a_state_of_this_version_shows_no_difference(plugin: Plugin, version: str) -> None:
    assert {each["type"] for each in STATES[version]} >= {"soundstage:host:Role", "soundstage:pki:Certificate"}
    for each in STATES[version]:
        answer = await plugin.diff(each["type"], dressed_map(each["outputs"]), dressed_map(each["inputs"]))
        assert answer.changes == provider_pb2.DiffResponse.DIFF_NONE, (each["type"], list(answer.detailedDiff))


@pytest.mark.parametrize("version", STATES)
async def test_a_state_of_this_version_is_accepted(plugin: Plugin, version: str) -> None:
    for each in STATES[version]:
        assert await plugin.check(each["type"], dressed_map(each["inputs"])) == {}
