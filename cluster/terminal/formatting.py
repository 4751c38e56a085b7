"""Formats numbers, durations, learning curves and states as short text for people."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from cluster.terminal.records import Row, TrialState
from search_spaces.types.values import Params, Value

NOTHING = "—"
BARS = "▁▂▃▄▅▆▇█"
MARKS: dict[TrialState, tuple[str, str]] = {
    "done": ("✓", "green"),
    "running": ("●", "cyan"),
    "paused": ("◦", "blue"),
    "stopped": ("■", "bright_black"),
    "infeasible": ("⊘", "yellow"),
    "failed": ("✗", "red"),
}
"""Mark and colour of each state."""


def states(rows: Iterable[Row], worded: bool = True) -> list[tuple[TrialState, str, int]]:
    """Return the states that there are with their words for people, by which they are told apart if ``worded``.

    Third is the number of such rows.
    """
    found = Counter((row.state, row.word if worded else "") for row in rows)
    return [(state, word, found[state, word]) for state in MARKS for known, word in sorted(found) if known == state]


def measure(value: float | None) -> str:
    """Format a metric: ``0.9680``, ``49831``, ``9.680e-04`` below 0.001 and from 1e7 on; a dash unless finite.

    From 1 on it has five significant digits, and all before the point.
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    if value != 0 and not 1e-3 <= abs(value) < 9_999_999.5:
        return f"{value:.3e}"
    whole = len(str(int(abs(float(f"{value:.4e}")))))  # 9.99996 is 10.000
    return f"{value:.{max(0, 5 - whole)}f}"


def interval(ci95: Sequence[float | None] | None) -> str:
    """Return the interval as ``[0.9680, 0.9802]``, or ``no interval`` where there is none (a single seed)."""
    found = bounds(ci95)
    return f"[{measure(found[0])}, {measure(found[1])}]" if found else "no interval"


def bounds(ci95: Sequence[float | None] | None) -> tuple[float, float] | None:
    """Return the bounds of an interval; None where there is none, or one is not finite."""
    if ci95 is None or any(value is None or not math.isfinite(value) for value in ci95):
        return None
    low, high = ci95
    assert low is not None and high is not None
    return low, high


def setting(value: Value) -> str:
    """Format a hyperparameter: floats with three significant digits (``1.9e-04`` below 0.01)."""
    if value is None:
        return "null"
    if not isinstance(value, float):
        return str(value).lower() if isinstance(value, bool) else str(value)
    if value == 0 or 1e-2 <= abs(value) < 1e5:
        return f"{value:.3g}" if abs(value) < 999.5 else f"{value:.0f}"
    return f"{value:.1e}"


def category(value: Value) -> str:
    """Format one of a few values as ``setting`` does, with more digits where those are another number."""
    told = setting(value)
    return told if not isinstance(value, float) or float(told) == value else f"{value:.12g}"


def settings(params: Params) -> str:
    """Format hyperparameters as ``lr=1.9e-04 dropout=0.42``."""
    return " ".join(f"{name}={setting(value)}" for name, value in params.items())


def duration(seconds: float | None) -> str:
    """Format seconds as ``0:01:05``; None, NaN and infinity as ``-:--:--``."""
    if seconds is None or not math.isfinite(seconds):
        return "-:--:--"
    whole = max(0, round(seconds))
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def span(seconds: float) -> str:
    """Format seconds for a narrow column: ``0.4s``, ``42s``, ``2m05``, ``3h07``."""
    whole = max(0, round(seconds))
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f}s"
    if whole < 60:
        return f"{whole}s"
    return f"{whole // 60}m{whole % 60:02d}" if whole < 3600 else f"{whole // 3600}h{whole // 60 % 60:02d}"


def count(number: int, noun: str) -> str:
    """Format a number with its noun: ``1 trial``, ``2,000 trials``."""
    return f"{number} {noun}" if number == 1 else f"{number:,} {noun}s"


def shorten(text: str, width: int) -> str:
    """Return ``text`` in at most ``width`` characters, cut at the end with ``…``."""
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"


def middle(text: str, width: int) -> str:
    """Return ``text`` in at most ``width`` characters, cut in the middle: for values that differ at their ends."""
    if len(text) <= width:
        return text
    tail = (width - 1) // 2
    return text[: width - 1 - tail] + "…" + text[len(text) - tail :]


def curve_scale(rows: Sequence[Row]) -> tuple[float, float]:
    """Return the bottom and top of the scale for the curves of ``rows``; (0, 0) where no value is finite.

    Leaves out a twentieth of the values at each end: one bad first epoch would flatten all curves.
    """
    values = sorted(value for row in rows for value in row.curve.values() if math.isfinite(value))
    if not values:
        return 0.0, 0.0
    cut = len(values) // 20
    return values[cut], values[-1 - cut]


def sparkline(curve: Mapping[int, float], horizon: int, width: int, scale: tuple[float, float]) -> str:
    """Draw ``curve``, values by epoch, as bars: ``min(horizon, width)`` of them for ``horizon`` epochs.

    Each shows the last value up to its end. Values outside ``scale`` (bottom, top) are drawn at its ends, NaN and
    infinity as a space, as what is before the first value.
    """
    columns, epochs = min(horizon, width), sorted(curve)
    shown = math.ceil(epochs[-1] * columns / horizon) if columns and epochs else 0
    before = (bisect_right(epochs, math.ceil((i + 1) * horizon / columns)) for i in range(shown))
    return "".join(_bar(curve[epochs[k - 1]] if k else math.nan, scale) for k in before)


def _bar(value: float, scale: tuple[float, float]) -> str:
    if not math.isfinite(value):
        return " "
    low, high = scale
    share = (value - low) / (high - low) if high > low else 0.5
    return BARS[round(min(1.0, max(0.0, share)) * (len(BARS) - 1))]


def between(least: int, most: int) -> str:
    """Format ``2``, or ``2 to 4``; empty where both are 1."""
    return "" if most == 1 else f"{least} to {most}" if least < most else str(most)
