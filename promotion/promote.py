"""The same commit, stack after stack: exactly what was reviewed, then verify, then the next one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from promotion import report, review, verify
from promotion.engine import Stack
from toolchain import local_state

DONE, FAILED, STOPPED = 0, 1, 2
"""Exit codes: STOPPED is a stack that is not as reviewed or not as declared, FAILED is a command that failed."""
Tell = Callable[[str], None]


def promote(stacks: Sequence[str], reviews: Path, tell: Tell) -> int:
    """Bring the checked-out commit to each of `stacks`, in order; the first that fails ends it.

    Raises Failure if the checkout is not a commit, or pulumi cannot begin.
    """
    commit = review.commit_of_checkout()
    tell(f"promoting {commit[:12]}: {' → '.join(stacks)}")
    for position, stack in enumerate(stacks):
        code = _one(stack, reviews, tell)
        if code != DONE:
            untouched = ", ".join(stacks[position + 1 :])
            tell(f"promotion ends at {stack}" + (f"; not touched: {untouched}" if untouched else ""))
            return code
    tell(f"promoted {commit[:12]}: {', '.join(stacks)}")
    return DONE


def _one(name: str, reviews: Path, tell: Tell) -> int:
    with local_state.opened(name) as environment:
        stack = Stack(name, environment)
        now = stack.preview()
        if now.errors:
            tell("\n".join(now.errors))
            return FAILED
        if now.changes:
            reviewed = review.load(reviews, name)
            refusal = reviewed.against(now) if reviewed else f"nobody did: make preview STACK={name} REVIEW={reviews}"
            if refusal or reviewed is None:
                tell(f"{name}: refused, because what would be done is not what was reviewed\n{refusal}")
                return STOPPED
            tell(f"{name}: as reviewed\n{report.in_short(now)}")
            if stack.up(reviewed.plan, tell) != 0:
                tell(f"{name}: up failed")
                return FAILED
        else:
            tell(f"{name}: nothing to change")
        verdict = verify.verdict(stack.observed())
    tell("\n".join(verdict.lines))
    return {verify.GOOD: DONE, verify.BAD: STOPPED}.get(verdict.code, FAILED)
