"""What every peer is given: the items as files and one list, and how to reach the hosts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.fleet import items
from toolchain import virtual_environment

HERE = Path(__file__).resolve().parent
REQUIREMENTS = "bench/peers/requirements.txt"
_REVISION = items.first_line(0).replace("0", "{{ revision }}")


@dataclass(frozen=True)
class Given:
    """`directory` is the peer's to write in; `addresses` are those of the hosts, by name."""

    directory: Path
    addresses: Mapping[str, str]
    identity_file: Path
    known_hosts: Path
    user: str = "deploy"

    @property
    def items(self) -> Path:
        """The lists, as JSON."""
        return self.directory / "items.json"


def program(name: str) -> str:
    """A program of the peers' environment, which is made when there is none. Raises Failure."""
    return str(virtual_environment.of([REQUIREMENTS]) / "bin" / name)


def site_packages() -> Path:
    """Where the modules of that environment are."""
    (found,) = (virtual_environment.of([REQUIREMENTS]) / "lib").glob("python3*/site-packages")
    return found


def write(given: Given) -> None:
    """Lays the files of all parts below `directory`/tree, the changing one apart as a template."""
    if given.directory.is_dir():
        shutil.rmtree(given.directory)
    parts = [items.part(number, 0) for number in range(items.PARTS)]
    for part in parts:
        for path, content in part.files.items():
            target = given.directory / ("changing.conf.j2" if path == items.CHANGING else f"tree{path}")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content.replace(items.first_line(0), _REVISION) if path == items.CHANGING else content)
    lists = {
        "tree": str(given.directory / "tree"),
        "changing": str(given.directory / "changing.conf.j2"),
        "parts": items.PARTS,
        "packages": [part.package for part in parts],
        "users": [part.user for part in parts if part.user],
        "services": [part.service for part in parts if part.service],
        "home": items.HOME,
        "shell": items.SHELL,
    }
    given.items.write_text(json.dumps(lists, indent=1))
