"""`storage.py` as a person calls it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.apps.conftest import APPS


def _storage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(APPS / "kv_store" / "storage.py"), *arguments],
        check=False,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=20,
        env={**os.environ, "PYTHONUTF8": "1", **environment},
    )


def test_values_are_printed_comma_separated_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    file = ("--file", str(tmp_path / "storage.json"))
    for value in ("a", "b", "a"):
        done = _storage("--key", "K", "--val", value, *file)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert _storage("--key", "K", *file).stdout == "a, b, a\n"


def test_nothing_is_printed_for_a_missing_key_and_no_file_is_made(tmp_path: Path) -> None:
    file = tmp_path / "storage.json"
    done = _storage("--key", "K", "--file", str(file))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_value_is_a_value(tmp_path: Path) -> None:
    file = ("--file", str(tmp_path / "storage.json"))
    for value in ("", "b"):
        _storage("--key", "K", "--val", value, *file)
    assert _storage("--key", "K", *file).stdout == ", b\n"


def test_the_file_is_found_again_from_another_folder(tmp_path: Path) -> None:
    environment = {"XDG_DATA_HOME": str(tmp_path), "STORAGE_FILE": ""}
    _storage("--key", "K", "--val", "ö", **environment)
    assert (tmp_path / "kv-store" / "storage.json").exists()
    assert _storage("--key", "K", **environment).stdout == "ö\n"
    assert _storage("--key", "K", STORAGE_FILE=str(tmp_path / "other")).stdout == ""


def test_a_character_that_the_terminal_lacks_is_printed_escaped(tmp_path: Path) -> None:
    file = ("--file", str(tmp_path / "storage.json"))
    _storage("--key", "K", "--val", "€", *file)
    assert _storage("--key", "K", *file, PYTHONIOENCODING="ascii").stdout == "\\u20ac\n"


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (["--val", "x"], "the following arguments are required: --key", 2),
        (["--key", ""], "the key is empty", 2),
        (["--key", "K", "--val", "x", "--file", "/proc/none/storage.json"], "/proc/none/storage.json", 1),
    ],
)
def test_a_wrong_call_says_what_is_wrong_without_a_traceback(arguments: list[str], message: str, code: int) -> None:
    done = _storage(*arguments)
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
