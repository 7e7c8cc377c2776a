"""The workflows: accepted by actionlint, pinned, and with no more rights than they need."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

import pytest
from ruamel.yaml import YAML

from toolchain.workflows import WORKFLOWS, problems

FILES = sorted(WORKFLOWS.glob("*.yml"))
_USES = re.compile(r"^\s*-?\s*uses: (?P<action>\S+?)(@(?P<at>\S+))?( # (?P<version>v\d+\.\d+\.\d+))?$", re.MULTILINE)
Map = Mapping[str, object]


def loaded(path: Path) -> Map:
    return cast("Map", YAML(typ="safe").load(path))  # pyright: ignore[reportUnknownMemberType] untyped there


def jobs() -> Iterator[tuple[str, Map]]:
    for path in FILES:
        for name, job in cast("Mapping[str, Map]", loaded(path)["jobs"]).items():
            yield f"{path.stem}/{name}", job


def test_actionlint_finds_nothing() -> None:
    assert len(FILES) >= 5
    assert problems(FILES) == ""


def test_actionlint_would_find_a_mistake(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yml"
    wrong.write_text((WORKFLOWS / "preview.yml").read_text().replace("matrix.stack", "matrix.stak"))
    assert 'property "stak" is not defined' in problems([wrong])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_action_is_pinned_by_its_digest_and_names_its_version(path: Path) -> None:
    for use in _USES.finditer(path.read_text()):
        if not use["action"].startswith("./"):
            assert re.fullmatch(r"[0-9a-f]{40}", use["at"]), use[0]
            assert use["version"], use[0]
    assert path.read_text().count("uses:") == len(_USES.findall(path.read_text()))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_workflow_may_write_by_default_or_puts_an_expression_into_a_script(path: Path) -> None:
    assert loaded(path)["permissions"] == {"contents": "read"}
    for line in re.findall(r"run: (.*)", path.read_text()):
        assert "${{" not in line, line


def test_who_may_write_what() -> None:
    writes: dict[str, list[str]] = {}
    for name, job in jobs():
        rights = cast("Mapping[str, str]", job.get("permissions", {}))
        writes[name] = sorted(right for right, kind in rights.items() if kind == "write")
    assert {name: rights for name, rights in writes.items() if rights} == {
        "preview/preview": ["pull-requests"],
        "drift/drift": ["issues"],
    }


def test_a_stack_is_changed_by_one_run_at_a_time_that_nobody_cancels() -> None:
    promotion = dict(jobs())["promote-stack/promote"]
    assert promotion["concurrency"] == {"group": "stack-${{ inputs.stack }}", "cancel-in-progress": False}
    assert promotion["environment"] == "${{ inputs.stack }}"
    assert "concurrency" not in loaded(WORKFLOWS / "promote.yml")


def test_the_stacks_follow_one_another() -> None:
    needs = {name: job.get("needs") for name, job in jobs() if name.startswith("promote/")}
    assert needs == {"promote/lab": None, "promote/staging": "lab", "promote/prod": "staging"}


def test_only_what_reaches_hosts_gets_the_key_to_them_and_no_pull_request_does() -> None:
    with_key = {path.stem for path in FILES if "SSH_PRIVATE_KEY" in path.read_text()}
    assert with_key == {"promote-stack", "drift"}
    assert {path.stem for path in FILES if "pull_request" in path.read_text()} == {"check", "preview"}
    assert [path.stem for path in FILES if "pull_request_target" in path.read_text()] == []
    assert "head.repo.full_name == github.repository" in str(dict(jobs())["preview/preview"]["if"])
