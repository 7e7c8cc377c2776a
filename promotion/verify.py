"""Whether a stack is as declared and well: no drift, every probe answers, no certificate due for renewal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from promotion import report
from promotion.digest import ROLE, Digest, Step
from provider.values import as_number, as_text

GOOD, UNKNOWN, BAD = 0, 1, 2
"""Exit codes. What could not be asked is never good."""
_CERTIFICATE = "soundstage:pki:Certificate"
_RENEWAL_DAYS = 30
"""As in components/secrets.py: a certificate that ends sooner should have been renewed by the last `up`."""


@dataclass(frozen=True)
class Verdict:
    """An exit code and what explains it: `differing` lines of files, and `notes` on all else that was asked."""

    code: int
    differing: tuple[str, ...]
    notes: tuple[str, ...]
    closing: str

    @property
    def lines(self) -> tuple[str, ...]:
        """All of it, for a terminal."""
        return (*self.differing, *self.notes, self.closing)


def verdict(digest: Digest, now: datetime | None = None) -> Verdict:
    """What a digest of what is on the hosts means."""
    steps = (*digest.kept, *digest.changes)
    roles = [step for step in steps if step.type == ROLE]
    silent = sorted({_label(step) for step in roles if _is_false(step)})
    certificates = list(_certificates(steps, now or datetime.now(UTC)))
    due = [name for name, days, renewal in certificates if days < renewal]
    answering = f"{len(roles) - len(silent)} of {len(roles)} roles on {len({step.host for step in roles})} hosts answer"
    notes = (
        *(f"error: {each}" for each in digest.errors),
        *(f"warning: {each}" for each in digest.warnings),
        *(f"{label} does not answer its probes, or could not be asked" for label in silent),
        *(f"certificate {name}: {days} days left{' (due)' if name in due else ''}" for name, days, _ in certificates),
        f"{answering}; {len(digest.changes)} differ from the state",
    )
    code = UNKNOWN if digest.errors else BAD if digest.changes or silent or due else GOOD
    word = {GOOD: "good", UNKNOWN: "could not be told", BAD: "NOT as declared"}[code]
    return Verdict(code, tuple(report.in_full(digest).splitlines()), notes, f"verify of {digest.stack}: {word}")


def _is_false(step: Step) -> bool:
    return step.new.get("healthy") is False or step.new.get("reachable") is False


def _label(step: Step) -> str:
    return f"{step.host} {step.role}"


def _certificates(steps: tuple[Step, ...], now: datetime) -> Iterator[tuple[str, int, float]]:
    """Name, whole days left, and with how many days left it is renewed."""
    for step in steps:
        end = as_text(step.new.get("not_after"))
        if step.type == _CERTIFICATE and end:
            left = datetime.fromisoformat(end) - now
            yield step.name, left.days, as_number(step.new.get("renew_before_days"), _RENEWAL_DAYS)
