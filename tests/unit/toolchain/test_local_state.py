"""A stack's file is the user's: what Pulumi writes into it for the lab goes again, nothing else does."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from toolchain import local_state

SALT = "encryptionsalt: v1:orLcqSP35xE=:v1:xFDaukecvhHasO9x:rgEt2Cf4W5Q8ThHd2TeLv+OIzhuBLQ==\n"
COMMITTED = "# a comment\nconfig:\n  soundstage:hosts:\n    app1: {address: app1}  # two spaces\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(local_state, "PROJECT", tmp_path)
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE", raising=False)
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE_FILE", raising=False)
    for stack in ("lab", "prod", "staging"):
        (tmp_path / f"Pulumi.{stack}.yaml").write_text(COMMITTED)
    return tmp_path


def test_only_the_salt_line_is_taken_out_of_the_lab_s_file(project: Path) -> None:
    (project / "Pulumi.lab.yaml").write_text(COMMITTED + SALT)
    local_state.forget_salt()
    assert (project / "Pulumi.lab.yaml").read_text() == COMMITTED


def test_a_file_without_salt_is_not_written(project: Path) -> None:
    before = (project / "Pulumi.lab.yaml").stat().st_mtime_ns
    local_state.forget_salt()
    assert (project / "Pulumi.lab.yaml").stat().st_mtime_ns == before


def test_the_lab_is_the_last_stack_made_so_that_it_is_the_selected_one(project: Path) -> None:
    assert local_state.stacks() == ["prod", "staging", "lab"]


def test_a_committed_example_opens_with_the_documented_passphrase(project: Path) -> None:
    (project / "Pulumi.prod.yaml").write_text(COMMITTED + SALT)
    assert local_state.passphrase_for("prod") == {"PULUMI_CONFIG_PASSPHRASE": "soundstage-example"}
    assert local_state.passphrase_for("staging") == {}
    assert local_state.passphrase_for("lab") == {}


@pytest.mark.parametrize("variable", ["PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"])
def test_a_passphrase_of_the_user_s_own_is_never_replaced(
    variable: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "Pulumi.prod.yaml").write_text(COMMITTED + SALT)
    monkeypatch.setenv(variable, "theirs")
    assert local_state.passphrase_for("prod") == {}


def test_only_the_lock_of_a_run_that_has_ended_is_broken(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_state, "STATE", project)
    monkeypatch.setattr(local_state, "backend_is_ours", lambda: True)
    locks = project / ".pulumi" / "locks" / "organization" / "soundstage" / "lab"
    locks.mkdir(parents=True)
    ended, elsewhere = locks / "ended.json", locks / "elsewhere.json"
    # Process 2 is the kernel's: never a pulumi.
    ended.write_text(json.dumps({"pid": 2, "hostname": socket.gethostname()}))
    elsewhere.write_text(json.dumps({"pid": 2, "hostname": "another-machine"}))
    local_state.break_dead_locks("lab")
    assert [ended.exists(), elsewhere.exists()] == [False, True]
