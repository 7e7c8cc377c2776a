"""Golden files: what a role puts on a host, one file per path, and the rest of the role as JSON.

They are read by people: `python -m tests.unit.roles.golden` writes them, whoever changes a role reads the difference.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from roles.model import Content, Late, Role
from tests.unit.roles.samples import SAMPLES

GOLDEN = Path(__file__).parent / "golden"


def on_disk(role: Role) -> dict[str, str]:
    """Relative path → text of every golden file of `role`."""
    rest = role.model_dump(mode="json", exclude_defaults=True)
    for path in rest.get("files", {}):
        del rest["files"][path]["content"]
    files = {f"root{path}": text(file.content) for path, file in role.files.items()}
    return {"role.json": json.dumps(rest, indent=2) + "\n", **files}


def on_the_wire(role: Role) -> dict[str, object]:
    """The role as a host gets it."""
    wire = role.model_dump(mode="json")
    for path, file in role.files.items():
        wire["files"][path]["content"] = text(file.content)
    return wire


def text(content: Content) -> str:
    """The content with `LATE-<name>` where a value is known only later."""
    leaves = content if isinstance(content, tuple) else (content,)
    return "".join(f"LATE-{leaf.late}" if isinstance(leaf, Late) else leaf for leaf in leaves)


def recorded(name: str) -> dict[str, str]:
    """What is on record for the sample `name`."""
    directory = GOLDEN / name
    return {str(file.relative_to(directory)): file.read_text() for file in directory.rglob("*") if file.is_file()}


def main() -> None:
    """Writes every golden file anew."""
    shutil.rmtree(GOLDEN, ignore_errors=True)
    for name, role in SAMPLES.items():
        for path, content in on_disk(role).items():
            file = GOLDEN / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)


if __name__ == "__main__":
    main()
