"""Nothing imports to the left: __main__, settings, components, roles; the provider and hostside stand on their own."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
ROOMS = {
    "settings",
    "components",
    "roles",
    "provider",
    "hostside",
    "versions",
    "apps",
    "lab",
    "scripts",
    "toolchain",
    "promotion",
    "bench",
}

MAY_IMPORT = {
    "__main__.py": {"settings", "components"},
    "settings": {"settings", "components", "roles"},
    "components": {"components", "roles", "hostside", "versions"},
    "roles": {"roles"},
    "provider": {"provider", "hostside", "versions"},
    "hostside": {"hostside"},
    "promotion": {"promotion", "toolchain", "provider"},
    "versions.py": set[str](),
    "apps": set[str](),
}
"""Room → the rooms of this project it may import from."""


def sources(room: str) -> list[Path]:
    path = PROJECT / room
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """The top-level names of everything a file imports, relative imports left out."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_from_rooms_to_its_right(room: str) -> None:
    files = sources(room)
    assert files, f"{room} is empty"
    wrong = {
        f"{path.relative_to(PROJECT)} imports {name}"
        for path in files
        for name in imported(path)
        if name in ROOMS - MAY_IMPORT[room]
    }
    assert wrong == set()


def test_a_role_knows_nothing_of_pulumi_or_ssh() -> None:
    names = {name for path in sources("roles") for name in imported(path)}
    assert names & {"pulumi", "asyncssh", "grpc"} == set()
    assert "pydantic" in names


def test_what_runs_on_hosts_needs_the_standard_library_only() -> None:
    names = {name for path in sources("hostside") for name in imported(path)}
    assert names - {"hostside"} <= sys.stdlib_module_names


def test_only_the_settings_read_the_stack_configuration() -> None:
    readers = {
        path.relative_to(PROJECT).parts[0]
        for room in ("__main__.py", "settings", "components", "roles")
        for path in sources(room)
        if "pulumi.Config" in path.read_text() or "pulumi.runtime.config" in path.read_text()
    }
    assert readers == {"settings"}


def test_the_program_is_a_table_of_contents() -> None:
    lines = (PROJECT / "__main__.py").read_text().splitlines()
    assert len(lines) <= 60
