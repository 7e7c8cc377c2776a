"""The program that goes to the hosts: the same bytes everywhere, and nothing but the oldest Python's own library."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hostside import bundle

HOSTSIDE = Path(bundle.__file__).parent
MODULES = sorted(HOSTSIDE.glob("*.py"))


def test_the_same_sources_make_the_same_bytes(tmp_path: Path) -> None:
    again = subprocess.run(
        [sys.executable, "-c", "from hostside.bundle import build; print(build().sha256)"],
        capture_output=True,
        text=True,
        check=True,
        cwd=HOSTSIDE.parent,
    )
    assert again.stdout.strip() == bundle.build().sha256
    assert bundle.build().path == f"/usr/lib/soundstage/{bundle.build().sha256[:16]}.pyz"


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_every_module_is_python_3_9_with_the_standard_library_alone(module: Path) -> None:
    tree = ast.parse(module.read_text(), feature_version=(3, 9))
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        for name in names:
            assert name.split(".")[0] in {*sys.stdlib_module_names, "hostside"}, f"{module.name} imports {name}"


def test_the_program_starts_with_python_3_9(tmp_path: Path) -> None:
    python = shutil.which("python3.9")
    if python is None:
        pytest.skip("there is no python3.9 on PATH; the syntax is checked above")
    program = tmp_path / "program.pyz"
    program.write_bytes(bundle.build().content)
    done = subprocess.run([python, "-I", str(program), "--help"], capture_output=True, text=True, check=False)
    if "command not found" in done.stderr:
        pytest.skip("python3.9 on PATH is a name without an interpreter behind it")
    assert done.returncode == 0, done.stderr
    assert "maintenance" in done.stdout


def compiled(program: Path) -> Path:
    """Where the program keeps its bytecode, made by the program itself."""
    subprocess.run([sys.executable, "-I", program, "compile"], check=True)
    return program.with_suffix(f".{sys.implementation.cache_tag}.zip")


@pytest.fixture
def program(memory: Path) -> Path:
    path = memory / "program.pyz"
    path.write_bytes(bundle.build().content)
    return path


def loaded_from(program: Path, *words: str) -> str:
    """The archive Python takes the program's modules from, as it says itself."""
    argv = [sys.executable, "-I", "-v", program, *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    return next(line.split('"')[1] for line in done.stderr.splitlines() if line.startswith("import 'hostside' "))


def test_a_session_takes_bytecode_where_it_is_kept_and_boot_never_does(program: Path) -> None:
    kept = compiled(program)
    assert loaded_from(program, "serve") == f"{kept}/"
    assert loaded_from(program, "status") == f"{program}/"


def test_bytecode_that_is_not_whole_is_passed_over(program: Path) -> None:
    kept = compiled(program)
    kept.write_bytes(kept.read_bytes()[:-100])
    assert loaded_from(program, "serve") == f"{program}/"
