"""The same sources make the same archive, whenever and wherever it is made."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from provider.archive import packed
from provider.errors import PluginError

# sha256 of the lines "bin/run NUL 0755 NUL sha256('#!/bin/sh\n') LF" and "main.py NUL 0644 NUL sha256('print()\n') LF"
IDENTITY = "11a0b1c87bc0060c607e909ac1c16eac9fc3b49afb6e1bcd2dd7a07af76d1518"


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """Two files, one of them executable, and what does not belong to a release."""
    directory = tmp_path / "app"
    (directory / "bin").mkdir(parents=True)
    (directory / "__pycache__").mkdir()
    (directory / "main.py").write_text("print()\n", encoding="utf-8")
    (directory / "bin" / "run").write_text("#!/bin/sh\n", encoding="utf-8")
    (directory / "bin" / "run").chmod(0o750)
    (directory / "__pycache__" / "main.pyc").write_bytes(b"x")
    (directory / ".env").write_text("x", encoding="utf-8")
    return directory


def test_only_the_sources_are_packed_with_modes_of_a_release(sources: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(packed(sources, IDENTITY).content)) as tar:
        assert [(entry.name, entry.mode, entry.mtime, entry.uid) for entry in tar] == [
            ("bin/run", 0o755, 0, 0),
            ("main.py", 0o644, 0, 0),
        ]


def test_other_times_make_the_same_archive(sources: Path) -> None:
    first = packed(sources, IDENTITY)
    os.utime(sources / "main.py", (1, 1))
    assert packed(sources, IDENTITY) == first


def test_sources_that_are_not_the_declared_ones_are_refused(sources: Path) -> None:
    (sources / "main.py").write_text("print(1)\n", encoding="utf-8")
    with pytest.raises(PluginError, match="is not what was declared"):
        packed(sources, IDENTITY)


def test_missing_sources_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="gone does not exist"):
        packed(tmp_path / "gone", IDENTITY)
