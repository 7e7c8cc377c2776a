"""The exit codes that scripts and workflows rely on, and what the commands leave behind."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from promotion import __main__ as commands
from promotion import compare, digest, review, verify
from tests.unit.promotion.fake_pulumi import FakePulumi
from tests.unit.promotion.world import Json, changed, found, printed, urn
from toolchain import local_state
from toolchain.failure import Failure, exit_code

ERROR = {"message": "error: app1 cannot be reached", "severity": "error"}


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakePulumi:
    monkeypatch.setattr(review, "commit_of_checkout", lambda: "a" * 40)
    return FakePulumi.install(tmp_path / "fake", monkeypatch)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["promotion", *arguments])
    return exit_code(commands.main)


@pytest.mark.parametrize(
    ("said", "code", "expected"),
    [
        (printed(), 0, 0),
        (printed([changed("edge1")]), 0, 2),
        (printed([changed("edge1")], [ERROR]), 1, 1),
        ("", 1, 1),
        ("no JSON at all", 0, 1),
        (printed(), 1, 1),
    ],
    ids=["nothing", "changes", "an error", "it did not begin", "no digest", "an exit code without an error"],
)
def test_a_preview_tells_nothing_changes_and_failure_apart(
    fake: FakePulumi, monkeypatch: pytest.MonkeyPatch, said: str, code: int, expected: int
) -> None:
    fake.says("prod", "preview", said, code=code, err="error: incorrect passphrase" if code else "")
    assert run(monkeypatch, "preview", "prod") == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (printed([found("edge1"), found("app1", "web-server")]), 0),
        (printed([found("edge1"), changed("app1")]), 2),
        (printed([found("edge1"), found("app1", healthy=False)]), 2),
        (printed([found("edge1"), found("app1", reachable=False)]), 2),
        (printed([found("edge1")], [ERROR]), 1),
    ],
    ids=["good", "drift", "silent before and after", "not reachable before and after", "could not be asked"],
)
def test_verify_tells_good_bad_and_unknown_apart(
    fake: FakePulumi, monkeypatch: pytest.MonkeyPatch, said: str, expected: int
) -> None:
    fake.says("prod", "refresh", said)
    assert run(monkeypatch, "verify", "prod") == expected
    assert "--preview-only" in fake.lines[0]


def certificate(end: str) -> Json:
    state = {"type": "soundstage:pki:Certificate", "custom": True, "outputs": {"not_after": end}}
    return {"op": "refresh", "urn": urn("web", "soundstage:pki:Certificate"), "oldState": state, "newState": state}


@pytest.mark.parametrize(
    ("end", "code", "line"),
    [
        ("2030-03-01T00:00:00+00:00", 0, "certificate web: 59 days left"),
        ("2030-01-11T00:00:00+00:00", 2, "certificate web: 10 days left (due)"),
        ("2029-12-31T00:00:00+00:00", 2, "certificate web: -1 days left (due)"),
    ],
)
def test_verify_says_how_long_certificates_last(end: str, code: int, line: str) -> None:
    told = verify.verdict(digest.read("prod", printed([certificate(end)])), datetime(2030, 1, 1, tzinfo=UTC))
    assert (told.code, line in told.lines) == (code, True)


def test_a_review_holds_the_comment_every_line_the_plan_and_what_promotion_compares(
    fake: FakePulumi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake.says("prod", "preview", printed([changed("edge1")]))
    code = run(monkeypatch, "preview", "prod", "--review", f"{tmp_path}/r", "--report", f"{tmp_path}/comment.md")
    assert code == 2
    place = tmp_path / "r" / "prod"
    assert f"--save-plan={place}/plan.json" in fake.lines[0]
    assert (tmp_path / "comment.md").read_text() == (place / "report.md").read_text()
    assert "+new" in (place / "full.txt").read_text()
    kept = json.loads((place / "review.json").read_text())
    assert (kept["stack"], kept["commit"]) == ("prod", "a" * 40)
    assert kept["fingerprint"] in (place / "report.md").read_text()
    assert (place / "plan.json").stat().st_mode & 0o077 == 0


def test_a_preview_of_a_failed_program_leaves_a_comment_that_says_so_and_nothing_to_promote(
    fake: FakePulumi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake.says("prod", "preview", printed([changed("edge1")]))
    assert run(monkeypatch, "preview", "prod", "--review", str(tmp_path)) == 2
    assert review.load(tmp_path, "prod") is not None
    fake.says("prod", "preview", printed([], [ERROR]), code=255)
    assert run(monkeypatch, "preview", "prod", "--review", str(tmp_path)) == 1
    assert review.load(tmp_path, "prod") is None
    assert "the preview failed" in (tmp_path / "prod" / "report.md").read_text()


ONE = """# a comment
config:
  soundstage:ssh: {user: deploy, known_hosts: ssh/known_hosts.staging}
  soundstage:hosts:
    edge1: {address: 10.20.0.11, cores: 2}
  soundstage:web_servers: {hosts: [app1, app2]}
  soundstage:token: {secure: v1:aaaa}
encryptionsalt: v1:one
"""
OTHER = """config:
  soundstage:ssh: {user: deploy, known_hosts: ssh/known_hosts.prod}
  soundstage:hosts:
    edge1: {address: 10.30.0.11, cores: 2}
    edge2: {address: 10.30.0.12}
  soundstage:web_servers: {hosts: [app2, app1], drain_wait_seconds: 60}
  soundstage:token: {secure: v1:bbbb}
secretsprovider: awskms://alias/soundstage
encryptionsalt: v1:other
"""
COMPARED = """\
                                staging                  prod
hosts.edge1.address             10.20.0.11               10.30.0.11
hosts.edge2.address             (default)                10.30.0.12
secretsprovider                 (default)                awskms://alias/soundstage
ssh.known_hosts                 ssh/known_hosts.staging  ssh/known_hosts.prod
token                           [secret]                 [secret]
web_servers.drain_wait_seconds  (default)                60
web_servers.hosts               ["app1", "app2"]         ["app2", "app1"]
2 values are the same"""


@pytest.fixture
def stacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_state, "PROJECT", tmp_path)
    (tmp_path / "Pulumi.staging.yaml").write_text(ONE)
    (tmp_path / "Pulumi.prod.yaml").write_text(OTHER)


def test_two_stacks_are_compared_key_by_key_and_no_secret_is_shown(stacks: None) -> None:
    assert compare.compare("staging", "prod") == COMPARED


def test_a_stack_is_like_itself_but_for_what_cannot_be_seen(stacks: None) -> None:
    lines = compare.compare("staging", "staging").splitlines()
    assert [line.split()[0] for line in lines[1:-1]] == ["token"]


def test_a_stack_that_is_not_there_is_named_beside_those_that_are(stacks: None) -> None:
    with pytest.raises(Failure, match="there is no stack qa; there are: prod, staging"):
        compare.compare("staging", "qa")
