"""Promotion: stack after stack, what was reviewed and nothing else, stopped by the first that is not well."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from promotion import digest, promote, review
from promotion.engine import lines_of, safe
from tests.unit.promotion.fake_pulumi import FakePulumi
from tests.unit.promotion.world import changed, found, printed, says
from toolchain import local_state
from toolchain.failure import Failure

COMMIT = "a" * 40
STEP = changed("edge1")
CHANGE = printed([STEP], [says(STEP, "edge1 haproxy: haproxy.cfg changes → reload, connections kept")])
OTHER = printed([changed("edge1", content="not reviewed\n")])
WELL, DRIFTED = printed([found("edge1")]), printed([changed("edge1", content="by hand\n")])
APPLIED = '{"resourcePreEvent": {"metadata": {"op": "update", "urn": "urn:pulumi:lab::x::y::haproxy-edge1"}}}\n'


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakePulumi:
    """Two stacks with a reviewed change each, which goes well."""
    monkeypatch.setattr(review, "commit_of_checkout", lambda: COMMIT)
    pulumi = FakePulumi.install(tmp_path / "fake", monkeypatch)
    for stack in ("lab", "staging"):
        pulumi.says(stack, "preview", CHANGE)
        pulumi.says(stack, "up", APPLIED)
        pulumi.says(stack, "refresh", WELL)
        reviewed(tmp_path, stack)
    return pulumi


def reviewed(directory: Path, stack: str, text: str = CHANGE) -> None:
    place = review.keep(directory, digest.read(stack, text), COMMIT)
    review.plan_in(place).write_text("{}")


class Told(list[str]):
    def __call__(self, text: str) -> None:
        self.append(text)

    @property
    def text(self) -> str:
        return "\n".join(self)


def test_each_stack_is_applied_and_verified_before_the_next_one_is_touched(fake: FakePulumi, tmp_path: Path) -> None:
    told = Told()
    assert promote.promote(["lab", "staging"], tmp_path, told) == promote.DONE
    per_stack = ["preview", "up", "refresh"]
    assert fake.calls == [f"{stack} {command}" for stack in ("lab", "staging") for command in per_stack]
    assert told[-1] == "promoted aaaaaaaaaaaa: lab, staging"
    assert "edge1 haproxy: reload, connections kept (haproxy.cfg changes)" in told.text


def test_what_is_applied_is_the_reviewed_plan_without_a_refresh(fake: FakePulumi, tmp_path: Path) -> None:
    promote.promote(["lab"], tmp_path, Told())
    up = next(line for line in fake.lines if line.startswith("lab up"))
    assert f"--plan={tmp_path}/lab/plan.json" in up.split()
    assert "--refresh" not in up


def test_a_verify_that_finds_drift_stops_it_there(fake: FakePulumi, tmp_path: Path) -> None:
    fake.says("lab", "refresh", DRIFTED)
    told = Told()
    assert promote.promote(["lab", "staging"], tmp_path, told) == promote.STOPPED
    assert [call for call in fake.calls if call.startswith("staging")] == []
    assert "+by hand" in told.text
    assert told[-1] == "promotion ends at lab; not touched: staging"


def test_a_verify_that_could_not_ask_is_a_failure_and_stops_it_too(fake: FakePulumi, tmp_path: Path) -> None:
    error = {"message": "error: app1 cannot be reached", "severity": "error"}
    fake.says("lab", "refresh", printed([found("edge1")], [error]), code=1)
    told = Told()
    assert promote.promote(["lab", "staging"], tmp_path, told) == promote.FAILED
    assert [call for call in fake.calls if call.startswith("staging")] == []
    assert "app1 cannot be reached" in told.text


def test_an_up_that_fails_stops_it_and_asks_nobody_whether_all_is_well(fake: FakePulumi, tmp_path: Path) -> None:
    fake.says("lab", "up", APPLIED, code=255, err="error: the stack is currently locked")
    told = Told()
    assert promote.promote(["lab", "staging"], tmp_path, told) == promote.FAILED
    assert fake.calls == ["lab preview", "lab up"]
    assert "error: the stack is currently locked" in told.text
    assert "lab: up failed" in told


def test_another_change_than_the_reviewed_one_is_refused_before_anything_is_done(
    fake: FakePulumi, tmp_path: Path
) -> None:
    fake.says("staging", "preview", OTHER)
    told = Told()
    assert promote.promote(["staging"], tmp_path, told) == promote.STOPPED
    assert fake.calls == ["staging preview"]
    assert "staging: refused, because what would be done is not what was reviewed" in told.text
    assert "-+new" in told.text
    assert "++not reviewed" in told.text


def test_a_change_nobody_reviewed_is_refused_and_the_way_out_is_named(fake: FakePulumi, tmp_path: Path) -> None:
    told = Told()
    assert promote.promote(["lab"], tmp_path / "empty", told) == promote.STOPPED
    assert fake.calls == ["lab preview"]
    assert f"make preview STACK=lab REVIEW={tmp_path}/empty" in told.text


def test_a_stack_with_nothing_to_change_needs_no_review_but_is_verified(fake: FakePulumi, tmp_path: Path) -> None:
    fake.says("lab", "preview", printed())
    assert promote.promote(["lab"], tmp_path / "empty", Told()) == promote.DONE
    assert fake.calls == ["lab preview", "lab refresh"]


def test_a_preview_that_fails_is_told_and_ends_it(fake: FakePulumi, tmp_path: Path) -> None:
    fake.says("lab", "preview", printed([], [{"message": "error: `x` is wrong", "severity": "error"}]), code=255)
    told = Told()
    assert promote.promote(["lab"], tmp_path, told) == promote.FAILED
    assert "`x` is wrong" in told.text


def test_a_review_of_another_stack_is_none(fake: FakePulumi, tmp_path: Path) -> None:
    (tmp_path / "staging").rename(tmp_path / "was-staging")
    (tmp_path / "lab").rename(tmp_path / "staging")
    with pytest.raises(Failure, match="holds no whole review of staging"):
        promote.promote(["staging"], tmp_path, Told())


def test_the_review_tells_previews_apart_by_what_they_change_and_by_nothing_else(tmp_path: Path) -> None:
    reviewed(tmp_path, "lab")
    kept = review.load(tmp_path, "lab")
    assert kept is not None
    assert kept.against(digest.read("lab", CHANGE)) == ""
    reordered = json.loads(CHANGE)
    reordered["duration"] = 123
    reordered["steps"] = [{"op": "same", "urn": "urn:pulumi:lab::x::y::z"}, *reordered["steps"]]
    assert kept.against(digest.read("lab", json.dumps(reordered))) == ""
    assert kept.against(digest.read("lab", OTHER)) != ""
    assert kept.against(digest.read("lab", printed([STEP]))) != ""
    assert kept.against(digest.read("lab", printed())) != ""


def test_what_is_kept_for_promotion_is_for_this_user_only(tmp_path: Path) -> None:
    reviewed(tmp_path, "lab")
    assert (tmp_path / "lab").stat().st_mode & 0o077 == 0


VIOLATION = (
    "error: resource urn:pulumi:lab::x::y::haproxy-edge1 violates plan: properties changed: =~role[{map[files:"
    '{map[/etc/haproxy/statistics.cfg:{map[content:{&{{userlist\n user operator insecure-password "canary"\n}}}]}]}]}]'
)


def test_the_secrets_that_the_engine_prints_of_a_violated_plan_are_never_shown(
    fake: FakePulumi, tmp_path: Path
) -> None:
    event = json.dumps({"diagnosticEvent": {"message": VIOLATION, "severity": "error"}})
    fake.says("lab", "up", f"{event}\n", code=255, err=VIOLATION)
    told = Told()
    assert promote.promote(["lab"], tmp_path, told) == promote.FAILED
    assert "canary" not in told.text
    assert "haproxy-edge1 is no longer what was reviewed" in told.text
    assert safe("another error") == "another error"


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        ({"resourcePreEvent": {"metadata": {"op": "same", "urn": "u::a"}}}, []),
        ({"resourcePreEvent": {"metadata": {"op": "update", "urn": "u::haproxy-edge1"}}}, ["  update haproxy-edge1"]),
        ({"resOpFailedEvent": {"metadata": {"op": "update", "urn": "u::x"}}}, ["  FAILED x"]),
        ({"diagnosticEvent": {"message": "edge1: verifying\n", "severity": "info", "ephemeral": True}},
         ["    edge1: verifying"]),
        ({"diagnosticEvent": {"message": "told by the preview already", "severity": "info"}}, []),
        ({"diagnosticEvent": {"message": "password canary", "severity": "debug"}}, []),
        ({"diagnosticEvent": {"message": "warning: x\n", "severity": "warning"}}, ["  warning: x"]),
        ({"summaryEvent": {"resourceChanges": {"same": 40, "update": 2}}}, ["  40 same, 2 update"]),
        ({"cancelEvent": {}}, []),
    ],
)  # fmt: skip
def test_progress_shows_what_changes_and_no_debugging(event: object, shown: list[str]) -> None:
    assert lines_of(json.dumps(event)) == shown


def test_words_that_are_no_event_are_not_passed_on() -> None:
    assert lines_of("user operator insecure-password canary") == []


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "Pulumi.prod.yaml").write_text("config: {}\n")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "one"]):
        subprocess.run([*git, *command], check=True)
    monkeypatch.setattr(review, "PROJECT", tmp_path)
    monkeypatch.setattr(local_state, "PROJECT", tmp_path)
    return tmp_path


def test_what_is_promoted_is_a_commit(checkout: Path, tmp_path: Path) -> None:
    assert len(review.commit_of_checkout()) == 40
    (checkout / "untracked").touch()
    assert len(review.commit_of_checkout()) == 40
    (checkout / "Pulumi.prod.yaml").write_text("config: {changed: here}\n")
    with pytest.raises(Failure, match=r"these files differ from it: Pulumi\.prod\.yaml"):
        promote.promote(["prod"], tmp_path, Told())
