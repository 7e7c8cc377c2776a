"""`python -m bench [P1 H4 ...]`: measures the goals, prints each figure, writes bench/results/<id>.json."""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from time import monotonic
from typing import cast

from bench.context import Bench
from bench.result import Result
from toolchain import local_state
from toolchain.failure import Failure

FIGURES = ("P2", "P1", "P3", "P4", "P6", "P5", "H1", "H2", "H3", "H4", "H5", "S1", "S3", "S5", "S6")
"""In the order in which they are measured: those that need a quiet machine first, fresh hosts before used ones.

P5 takes the hosts of the others away.
"""


def main() -> int:
    """Runs the chosen figures; returns 1 when one could not be measured (a goal that is not met is a result)."""
    parser = argparse.ArgumentParser(prog="bench", description="Measures the goals on the running lab.")
    parser.add_argument("figure", nargs="*", help=f"some of {' '.join(FIGURES)}; none means all")
    chosen: list[str] = parser.parse_args().figure or list(FIGURES)
    if unknown := sorted(set(chosen) - set(FIGURES)):
        parser.error(f"no figure {', '.join(unknown)}; there are {' '.join(FIGURES)}")
    with ExitStack() as resources:
        if local_state.backend_is_ours():
            # Whatever pulumi command ends last writes it into the stack's committed file.
            resources.callback(local_state.forget_salt)
        failed = _measure_all(chosen, Bench(resources))
    return 1 if failed else 0


def _measure_all(chosen: list[str], bench: Bench) -> list[str]:
    """Prints and keeps each result; returns the figures that could not be measured."""
    failed: list[str] = []
    for figure in sorted(chosen, key=FIGURES.index):
        measure = cast("Callable[[Bench], Result]", importlib.import_module(f"bench.figures.{figure.lower()}").measure)
        begin = monotonic()
        try:
            result = measure(bench)
        except (Failure, OSError, subprocess.SubprocessError) as problem:
            print(f"{figure:<3} could not be measured: {problem}", file=sys.stderr, flush=True)
            failed.append(figure)
            continue
        result.save()
        print(f"{result.text()}\n      measured in {monotonic() - begin:.0f} s", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
