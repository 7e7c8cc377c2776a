"""What plain `pulumi` finds after `source .lab/activate`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from toolchain import environment
from toolchain.cache import PROJECT

PYTHON = Path(environment.FIXED["PULUMI_PYTHON_CMD"])


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `.lab` of the test's own."""
    for name, path in (("LAB", tmp_path), ("STATE", tmp_path / "state"), ("PASSPHRASE", tmp_path / "passphrase")):
        monkeypatch.setattr(environment, name, path)
    return tmp_path


def program_python(*arguments: str) -> str:
    """What the language host's Python prints, with this interpreter as `python3`."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [PYTHON, *arguments], capture_output=True, text=True, check=True, env={**os.environ, "PATH": path}
    )
    return done.stdout


def test_the_language_host_hears_of_the_same_packages_as_from_pip() -> None:
    def told(text: str) -> set[tuple[str, str, str]]:
        return {(each["name"], each["version"], each["location"]) for each in json.loads(text)}

    question = ("-m", "pip", "list", "-v", "--format", "json")
    pip = subprocess.run([sys.executable, "-I", *question], capture_output=True, text=True, check=True).stdout
    assert told(program_python(*question)) == told(pip)
    assert "pulumi" in {name for name, _, _ in told(pip)}


def test_the_language_host_runs_everything_else_with_the_projects_python() -> None:
    assert program_python("-c", "import sys; print(sys.prefix, *sys.argv[1:])", "a b") == f"{sys.prefix} a b\n"
    assert program_python("-m", "pip", "--version").startswith("pip ")


def test_the_engine_finds_no_place_for_its_logs_and_earlier_ones_are_gone(lab: Path) -> None:
    (lab / "pulumi" / "logs").mkdir(parents=True)
    (lab / "pulumi" / "logs" / "pulumi-1.log").touch()
    environment.write_activate([PROJECT], PROJECT)
    assert (lab / "pulumi" / "logs").is_file()
    environment.write_activate([PROJECT], PROJECT)
    assert (lab / "pulumi" / "logs").is_file()
