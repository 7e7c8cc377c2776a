"""Figures: how trials are summed up, kept and read from what tools print."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import result
from bench.figures.h4 import read
from bench.result import Result, percentile
from bench.stack import Run
from toolchain.failure import Failure

WRK = """\
Running 15s test @ http://10.77.0.100/healthz
  1 threads and 64 connections
  211737 requests in 15.04s, 30.21MB read
{errors}Requests/sec:  14078.26
Transfer/sec:      2.01MB
"""


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(number) for number in range(1, 21)]
    assert percentile(values, 95) == 19
    assert percentile(values, 50) == 10
    assert percentile(values, 100) == 20
    assert percentile([7], 95) == 7


def test_a_result_is_kept_as_a_file_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result, "RESULTS", tmp_path / "results")
    path = Result("X1", "a figure", "ms", 3, "<= 4 ms", met=True, trials=(1, 3), peers={"other": 9}).save()
    assert path.name == "X1.json"
    kept = json.loads(path.read_text())
    assert {key: kept[key] for key in ("id", "unit", "value", "trials", "peers", "goal", "met")} == {
        "id": "X1",
        "unit": "ms",
        "value": 3,
        "trials": [1, 3],
        "peers": {"other": 9},
        "goal": "<= 4 ms",
        "met": True,
    }


def test_a_goal_that_is_not_met_is_said_in_capitals() -> None:
    text = Result("X1", "a figure", "ms", 5, "<= 4 ms", met=False, trials=(1, 2, 5)).text()
    assert text.splitlines() == [
        "X1  a figure: 5 ms (goal <= 4 ms: NOT MET)",
        "      3 trials: median 2, p95 5, worst 5",
    ]


@pytest.mark.parametrize(
    ("errors", "lost"),
    [
        ("", 0),
        ("  Socket errors: connect 1, read 2, write 3, timeout 4\n", 10),
        ("  Non-2xx or 3xx responses: 5\n", 5),
    ],
)
def test_every_kind_of_loss_that_wrk_reports_counts(errors: str, lost: int) -> None:
    assert read(WRK.format(errors=errors)) == (211_737, lost, 14_078.26)


def test_a_report_without_figures_is_a_failure() -> None:
    with pytest.raises(Failure, match="unable to connect"):
        read("unable to connect to 10.77.0.100:80")


def test_the_closing_count_of_a_run_is_read_by_its_words() -> None:
    text = "Diagnostics:\n  3 updated something\nResources:\n    ~ 1 updated\n    25 unchanged\n\nDuration: 2s\n"
    assert Run(2.0, 0, text).changes == {"updated": 1, "unchanged": 25}
