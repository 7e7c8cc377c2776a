"""Lays the stand-ins where the engine looks for plugins: in the lab's PULUMI_HOME, unless the official one is there."""

from __future__ import annotations

import re
import shlex
import shutil
from contextlib import suppress
from pathlib import Path

from lab.record import Lab, write
from toolchain.cache import PROJECT

PACKAGE = "command"
_MARK = "stand-in"
_LAUNCHER = """\
#!/bin/sh
# Stands in for Pulumi's plugin `{package}` on hosts of the lab in {lab}; the official one may take this folder's place.
exec setpriv --pdeathsig TERM {python} -m lab.offline.{package} --lab {lab} "$@"
"""


def lay(lab: Lab) -> None:
    """Put the stand-in into its place, unless the official plugin is there."""
    folder = _folder(lab)
    if folder.is_dir() and not (folder / _MARK).is_file():
        return
    write(folder / _MARK, "")
    python, directory = (shlex.quote(str(path)) for path in (PROJECT / "toolchain" / "python", lab.directory))
    launcher = _LAUNCHER.format(package=PACKAGE, python=python, lab=directory)
    write(folder / f"pulumi-resource-{PACKAGE}", launcher, 0o755)


def take_away(lab: Lab) -> None:
    """Remove the stand-in, and the folders above it that nobody else uses."""
    folder = _folder(lab)
    if (folder / _MARK).is_file():
        shutil.rmtree(folder)
        with suppress(OSError):  # something else is in it
            for parent in (folder.parent, folder.parent.parent):
                parent.rmdir()


def version() -> str:
    """The version of the official plugin that belongs to the pinned Python package."""
    pins = (PROJECT / "requirements.txt").read_text()
    found = re.search(rf"(?m)^pulumi-{PACKAGE}==(\S+)", pins)
    assert found is not None, f"requirements.txt does not pin pulumi-{PACKAGE}"
    return found[1]


def _folder(lab: Lab) -> Path:
    return lab.directory / "pulumi" / "plugins" / f"resource-{PACKAGE}-v{version()}"
