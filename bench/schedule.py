"""The schedule of a measurement: faults come when they are due, not when something is ready."""

from __future__ import annotations

from time import monotonic, sleep


def until(moment: float) -> None:
    """Returns at `moment` of the monotonic clock, at once when it has passed."""
    sleep(max(0.0, moment - monotonic()))


def pause(seconds: float) -> None:
    """Lets the system under measurement run on for `seconds`."""
    until(monotonic() + seconds)
