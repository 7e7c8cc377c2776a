"""A measured figure: its trials, their summary, its goal, and the files it is kept in."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench import chart

RESULTS = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True)
class Result:
    """`value` is what the goal is about (a p95, a total, a median), in `unit`; `trials` are the single measurements."""

    id: str
    title: str
    unit: str
    value: float
    goal: str
    met: bool
    trials: tuple[float, ...] = ()
    peers: Mapping[str, float] = field(default_factory=dict[str, float])
    """What else was measured in the same run, by name."""
    series: Mapping[str, tuple[float, ...]] = field(default_factory=dict[str, tuple[float, ...]])
    """The trials of everything that is compared in the table and the chart, ours first."""
    notes: tuple[str, ...] = ()

    def text(self) -> str:
        """For the terminal: the verdict first, then the trials, what was measured beside, and notes."""
        verdict = "met" if self.met else "NOT MET"
        lines = [f"{self.id:<3} {self.title}: {self.value:.4g} {self.unit} (goal {self.goal}: {verdict})"]
        if self.series:
            lines += table(self.series, self.unit)
        elif len(self.trials) > 1:
            middle, high, worst = statistics.median(self.trials), percentile(self.trials, 95), max(self.trials)
            lines.append(f"{len(self.trials)} trials: median {middle:.4g}, p95 {high:.4g}, worst {worst:.4g}")
        lines += [f"{name}: {value:.4g}" for name, value in self.peers.items() if name not in self.series]
        return "\n      ".join([*lines, *self.notes])

    def save(self) -> Path:
        """Writes `bench/results/<id>.json`, and `<id>.svg` where something is compared; returns the first path."""
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{self.id}.json"
        path.write_text(json.dumps(asdict(self), indent=2) + "\n")
        if self.series:
            path.with_suffix(".svg").write_text(chart.bars(f"{self.id}: {self.title}", self.unit, self.series))
        return path


def table(series: Mapping[str, Sequence[float]], unit: str) -> list[str]:
    """Median, spread and number of trials of each series, and how many times the first median it is."""
    first = statistics.median(next(iter(series.values())))
    width = max(map(len, series))
    lines = [f"{'':<{width}}  {'median':>8}  {'spread':>15}  trials  times the first"]
    for name, trials in series.items():
        middle = statistics.median(trials)
        spread = f"{min(trials):.4g} - {max(trials):.4g}"
        times = f"{middle / first:.1f}" if first else "-"
        lines.append(f"{name:<{width}}  {middle:>6.4g} {unit:<1}  {spread:>15}  {len(trials):>6}  {times:>15}")
    return lines


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
