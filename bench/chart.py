"""A bar for the median of each series, a thin line for its spread, as SVG that reads on light and dark ground."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from statistics import median

_WIDTH, _ROW, _TOP, _LABELS, _NUMBERS = 720, 34, 44, 230, 90
_FIRST, _OTHERS, _TEXT = "#2a78d6", "#9aa3ad", "#7a828b"
_STYLE = f"font-family='system-ui, sans-serif' font-size='14' fill='{_TEXT}'"


def bars(title: str, unit: str, series: Mapping[str, Sequence[float]]) -> str:
    """The chart; the first series has a colour of its own."""
    height = _TOP + _ROW * len(series) + 8
    highest = max(max(values) for values in series.values()) or 1
    scale = (_WIDTH - _LABELS - _NUMBERS) / highest
    lines = [f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {_WIDTH} {height}' role='img' {_STYLE}>"]
    lines += [f"<title>{escape(title)}</title>", f"<text x='8' y='24' font-weight='600'>{escape(title)}</text>"]
    for row, (name, values) in enumerate(series.items()):
        top = _TOP + row * _ROW
        lines += _row(top, name, unit, values, scale, _OTHERS if row else _FIRST)
    return "\n".join([*lines, "</svg>", ""])


def _row(top: int, name: str, unit: str, values: Sequence[float], scale: float, colour: str) -> list[str]:
    middle, low, high = median(values), min(values), max(values)
    centre, base = top + _ROW / 2, top + _ROW / 2 + 5
    ends = _LABELS + low * scale, _LABELS + high * scale
    return [
        f"<text x='{_LABELS - 10}' y='{base:.0f}' text-anchor='end'>{escape(name)}</text>",
        f"<rect x='{_LABELS}' y='{top + 6}' width='{middle * scale:.1f}' height='{_ROW - 12}' fill='{colour}'/>",
        f"<line x1='{ends[0]:.1f}' x2='{ends[1]:.1f}' y1='{centre:.0f}' y2='{centre:.0f}' stroke='{_TEXT}'/>",
        f"<text x='{ends[1] + 8:.1f}' y='{base:.0f}'>{middle:.3g} {escape(unit)}</text>",
    ]
