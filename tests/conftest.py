"""What holds for every kind of test."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# Correctness, not speed: a busy machine is no counterexample.
settings.register_profile("no-clock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("no-clock")
