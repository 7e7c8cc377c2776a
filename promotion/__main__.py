"""The commands behind pull requests and promotion; the workflows and `make` call them.

Exit codes: 1 is an error everywhere. preview: 0 nothing changes, 2 something does. verify, drift: 0 good, 2 not as
declared. promote: 0 promoted, 2 refused, or not as declared afterwards. The others: 0.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

from promotion import compare, fingerprint, promote, report, review, verify
from promotion.digest import Digest
from promotion.engine import Stack
from promotion.github import Repository
from toolchain import local_state
from toolchain.failure import exit_code

NOTHING, FAILED, CHANGES = 0, 1, 2
_LABEL = "drift"


def main() -> int:
    """Parse the command line and run it; returns its exit code."""
    arguments = _parser().parse_args()
    return cast("Callable[[argparse.Namespace], int]", arguments.run)(arguments)


def _preview(arguments: argparse.Namespace) -> int:
    """The first page to the terminal, the comment to a file; with a directory, all that promotion needs."""
    stack = str(arguments.stack)
    directory = Path(arguments.review) if arguments.review else None
    commit = review.commit_of_checkout() if directory else ""
    if local_state.is_empty(stack):
        print(f"{stack}: no state: everything is a create", flush=True)
    plan = review.plan_in(review.place_of(directory, stack)) if directory else None
    with local_state.opened(stack) as environment:
        digest = Stack(stack, environment).preview(plan)
    if directory:
        review.keep(directory, digest, commit)
    if arguments.report:
        Path(arguments.report).write_text(report.of_preview(digest, fingerprint.of(digest)))
    print(report.in_short(digest) or "nothing changes")
    if arguments.diff:
        print(f"\n{report.in_full(digest)}")
    return FAILED if digest.errors else CHANGES if digest.changes else NOTHING


def _compare(arguments: argparse.Namespace) -> int:
    print(compare.compare(arguments.one, arguments.other))
    return NOTHING


def _verify(arguments: argparse.Namespace) -> int:
    verdict = verify.verdict(_observed(arguments.stack))
    print("\n".join(verdict.lines))
    return verdict.code


def _promote(arguments: argparse.Namespace) -> int:
    return promote.promote(arguments.stacks, Path(arguments.review), lambda text: print(text, flush=True))


def _comment(arguments: argparse.Namespace) -> int:
    Repository.of_workflow().comment(arguments.pull_request, Path(arguments.file).read_text())
    return NOTHING


def _drift(arguments: argparse.Namespace) -> int:
    """One open issue per stack while there is drift."""
    stack = str(arguments.stack)
    digest = _observed(stack)
    verdict = verify.verdict(digest)
    print("\n".join(verdict.lines))
    repository = Repository.of_workflow()
    if verdict.code == verify.GOOD:
        repository.close_issue(_LABEL, report.marker("drift", stack), f"{stack} is as declared again.")
    elif verdict.code == verify.BAD:
        repository.keep_issue(f"{stack} is not as declared", _LABEL, report.of_drift(digest, verdict.notes))
    return verdict.code


def _fetch_review(arguments: argparse.Namespace) -> int:
    """The review of the checked-out commit, left by a preview of it or of the pull request that it merged."""
    repository, stack = Repository.of_workflow(), str(arguments.stack)
    commit = review.commit_of_checkout()
    for reviewed in repository.reviewed_commits(commit):
        place = review.place_of(Path(arguments.review), stack)
        if repository.fetch_artefact(f"review-{stack}-{reviewed}", reviewed, place):
            print(f"{stack}: reviewed at {reviewed}")
            return NOTHING
    print(f"{stack}: nobody reviewed {commit}; the workflow preview can be started for it by hand")
    return NOTHING


def _observed(stack: str) -> Digest:
    with local_state.opened(stack) as environment:
        return Stack(stack, environment).observed()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="promotion", description="From a pull request to production.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text)
        added.set_defaults(run=run)
        return added

    preview = command("preview", _preview, "what would change, as a comment for a reviewer")
    preview.add_argument("stack")
    preview.add_argument("--report", help="write the comment to this file")
    preview.add_argument("--review", help="keep the comment, the whole diff and the engine's plan in this directory")
    preview.add_argument("--diff", action="store_true", help="print every differing line too")
    comparison = command("compare", _compare, "what differs between two stacks' files")
    comparison.add_argument("one")
    comparison.add_argument("other")
    command("verify", _verify, "no drift, every probe answers, no certificate due").add_argument("stack")
    command("drift", _drift, "open, update or close the issue about a stack's drift").add_argument("stack")
    promotion = command("promote", _promote, "what was reviewed, stack after stack, each verified")
    promotion.add_argument("stacks", nargs="+", metavar="STACK")
    promotion.add_argument("--review", required=True, help="the directory that previews kept their review in")
    comment = command("comment", _comment, "put a file on a pull request, in place of what it said before")
    comment.add_argument("file")
    comment.add_argument("--pull-request", type=int, required=True)
    fetch = command("fetch-review", _fetch_review, "get the review of the checked-out commit")
    fetch.add_argument("stack")
    fetch.add_argument("--review", required=True, help="the directory to put it into")
    return parser


if __name__ == "__main__":
    sys.exit(exit_code(main))
