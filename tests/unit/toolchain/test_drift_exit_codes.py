"""`make drift` tells scripts apart what Pulumi's own exit code does not."""

from __future__ import annotations

import pytest

from toolchain.drift import verdict

DIAGNOSTIC = '{"sequence": 1, "diagnosticEvent": {"message": "edge1 cannot be reached", "severity": "warning"}}'


@pytest.mark.parametrize(
    ("status", "changes", "expected"),
    [
        (0, '{"same": 34}', 0),
        (0, "{}", 0),
        (0, '{"same": 33, "update": 1}', 2),
        (0, '{"same": 33, "delete": 1}', 2),
        (0, '{"same": 34, "update": 0}', 0),
        (255, '{"same": 33, "update": 1}', 1),
    ],
)
def test_the_exit_code_tells_none_differences_and_failure_apart(status: int, changes: str, expected: int) -> None:
    assert (
        verdict(status, [DIAGNOSTIC, f'{{"sequence": 2, "summaryEvent": {{"resourceChanges": {changes}}}}}'])
        == expected
    )


def test_a_refresh_that_ended_without_a_summary_is_a_failure() -> None:
    assert verdict(0, [DIAGNOSTIC]) == 1
    assert verdict(0, []) == 1
