"""What a reviewer saw of a stack, kept beside the engine's plan for it: a directory that promotion reads."""

from __future__ import annotations

import difflib
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, cast

from promotion import fingerprint, report
from promotion.digest import Digest
from toolchain import local_state
from toolchain.cache import PROJECT
from toolchain.failure import Failure

_MOST_LINES = 60
"""Of a difference that is printed; the reports have all of it."""


class _Kept(TypedDict):
    stack: str
    commit: str
    fingerprint: str
    told: list[str]


@dataclass(frozen=True)
class Review:
    """A preview somebody read. `told` is all that it said, line by line."""

    stack: str
    commit: str
    fingerprint: str
    told: tuple[str, ...]
    plan: Path

    def against(self, now: Digest) -> str:
        """How the changes of `now` differ from the reviewed ones, as a diff; empty when they are the same."""
        if fingerprint.of(now) == self.fingerprint:
            return ""
        reviewed, actual = f"reviewed at {self.commit[:12]}", "would be done now"
        told = list(difflib.unified_diff(self.told, fingerprint.told(now), reviewed, actual, n=1, lineterm=""))
        more = len(told) - _MOST_LINES
        cut = [*told[:_MOST_LINES], *([f"… {more} more lines"] if more > 0 else [])]
        return "\n".join(cut)


def keep(directory: Path, digest: Digest, commit: str) -> Path:
    """Write what there is to review of a stack to `directory`/<stack>; where the engine is to leave its plan is there.

    `report.md` is the comment, `full.txt` every line of it, `review.json` what promotion compares with: a preview that
    failed leaves none, because there was nothing to review.
    """
    place = place_of(directory, digest.stack)
    mark = fingerprint.of(digest)
    kept = _Kept(stack=digest.stack, commit=commit, fingerprint=mark, told=list(fingerprint.told(digest)))
    (place / "report.md").write_text(report.of_preview(digest, mark))
    (place / "full.txt").write_text(f"{report.in_short(digest)}\n\n{report.in_full(digest)}\n")
    if digest.errors:
        (place / "review.json").unlink(missing_ok=True)
    else:
        (place / "review.json").write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    return place


def place_of(directory: Path, stack: str) -> Path:
    """The directory of a stack's review; made if it is not there."""
    place = directory / stack
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    return place


def plan_in(place: Path) -> Path:
    """Where the engine's plan is."""
    return place / "plan.json"


def load(directory: Path, stack: str) -> Review | None:
    """The review of a stack, None if there is none. Raises Failure if it is of another stack or has no plan."""
    place = directory / stack
    if not (place / "review.json").is_file():
        return None
    kept = cast("_Kept", json.loads((place / "review.json").read_text()))
    if kept["stack"] != stack or not plan_in(place).is_file():
        raise Failure(f"{place} holds no whole review of {stack}: make preview STACK={stack} REVIEW={directory}")
    return Review(kept["stack"], kept["commit"], kept["fingerprint"], tuple(kept["told"]), plan_in(place))


def commit_of_checkout() -> str:
    """The commit that is checked out. Raises Failure if files differ from it: what is promoted is a commit."""
    if local_state.backend_is_ours():
        # A plain `pulumi` leaves the lab's salt behind.
        local_state.forget_salt()
    git = ["git", "-C", str(PROJECT)]
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    if head.returncode != 0:
        raise Failure("what is promoted is a commit, and this directory is no git checkout")
    listing = [*git, "status", "--porcelain", "--untracked-files=no"]
    changed = subprocess.run(listing, capture_output=True, text=True, check=True).stdout.splitlines()
    if changed:
        names = ", ".join(line[3:] for line in changed)
        raise Failure(f"what is promoted is a commit; these files differ from it: {names}")
    return head.stdout.strip()
