"""The copy of a state opens with its passphrase, for its stack, as it was written, and in no other case."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from toolchain import state_copy
from toolchain.environment import PASSPHRASE
from toolchain.failure import Failure

EXPORT = b'{"deployment": {"resources": [{"address": "10.77.0.11"}]}}'
TAKEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_copy, "_COST", 2)


def sealed() -> bytes:
    return state_copy.seal(EXPORT, "prod", "phrase", TAKEN)


def test_the_copy_gives_back_the_export_byte_for_byte() -> None:
    assert state_copy.unseal(sealed(), "prod", "phrase") == EXPORT


def test_only_whose_state_it_is_and_since_when_can_be_read_without_the_passphrase() -> None:
    line, rest = sealed().split(b"\n", 1)
    header = json.loads(line)
    assert (header["stack"], header["taken"]) == ("prod", "2026-01-02T03:04:05+00:00")
    assert header.keys() == {"kind", "stack", "taken", "salt"}
    assert b"10.77" not in rest
    assert b"resources" not in rest


def test_two_copies_of_one_state_have_nothing_in_common() -> None:
    first, second = (sealed().split(b"\n", 1)[1] for _ in range(2))
    assert first[:16] != second[:16]


@pytest.mark.parametrize(
    ("content", "stack", "phrase", "message"),
    [
        (sealed, "prod", "another", "another passphrase"),
        (sealed, "staging", "phrase", "holds the state of the stack prod, not of staging"),
        (lambda: sealed()[:-1], "prod", "phrase", "it was changed"),
        (lambda: sealed().replace(b"03:04:05", b"03:04:06"), "prod", "phrase", "it was changed"),
        (lambda: b"{}\n", "prod", "phrase", "no file of `make state-export`"),
        (lambda: b"\0\1", "prod", "phrase", "no file of `make state-export`"),
        (lambda: sealed().replace(b"AES-256", b"AES-512"), "prod", "phrase", "this version reads"),
    ],
    ids=["passphrase", "stack", "cut short", "header touched", "not ours", "bytes", "another kind"],
)
def test_a_copy_that_does_not_fit_is_refused_by_what_is_wrong(
    content: Callable[[], bytes], stack: str, phrase: str, message: str
) -> None:
    with pytest.raises(Failure, match=message) as refusal:
        state_copy.unseal(content(), stack, phrase)
    assert "10.77" not in str(refusal.value)


def test_the_passphrase_is_that_of_the_stack(tmp_path: Path) -> None:
    (tmp_path / "phrase").write_text("from a file\n")
    file = {"PULUMI_CONFIG_PASSPHRASE_FILE": str(tmp_path / "phrase")}
    assert state_copy.passphrase(file) == "from a file"
    assert state_copy.passphrase({**file, "PULUMI_CONFIG_PASSPHRASE": "given"}) == "given"
    with pytest.raises(Failure, match="set PULUMI_CONFIG_PASSPHRASE"):
        state_copy.passphrase({})


def test_the_generated_passphrase_is_known_to_be_lost_with_the_lab() -> None:
    generated = {"PULUMI_CONFIG_PASSPHRASE_FILE": str(PASSPHRASE)}
    assert state_copy.is_kept_here_only(generated)
    assert not state_copy.is_kept_here_only({**generated, "PULUMI_CONFIG_PASSPHRASE": "chosen"})
    assert not state_copy.is_kept_here_only({"PULUMI_CONFIG_PASSPHRASE_FILE": "/etc/phrase"})
