"""`make tools`: everything the project runs with, then `.lab/activate` and the local state of each stack."""

from __future__ import annotations

import os
import sys

from toolchain import environment, go_tools, local_state, prerequisites, virtual_environment
from toolchain.failure import exit_code


def main() -> int:
    """Find or build every tool."""
    tools = go_tools.ensure()
    python = virtual_environment.ensure()
    # Only the lab needs the distribution's programs, and only root can have a lab.
    wrappers = prerequisites.provide() if os.geteuid() == 0 else None
    directories = [python / "bin", tools, *([wrappers] if wrappers else [])]
    environment.write_activate(directories, python)
    local_state.ensure()
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
