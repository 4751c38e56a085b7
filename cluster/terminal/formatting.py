"""Values as short text for people: numbers, durations, learning curves, and how a trial's state is marked."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cluster.terminal.records import Row, TrialState
from search_spaces.types.values import Params, Value

NOTHING = "—"
BARS = "▁▂▃▄▅▆▇█"
MARKS: dict[TrialState, tuple[str, str]] = {
    "done": ("✓", "green"),
    "running": ("●", "cyan"),
    "paused": ("◦", "blue"),
    "stopped": ("■", "bright_black"),
    "failed": ("✗", "red"),
}
"""Mark and colour of each state."""
SWEEP_WORDS = {"interrupted": "stopped"}
"""What people read for the state of a sweep, where that is not its name."""


def sweep_word(state: str) -> str:
    """``stopped`` for a sweep that was interrupted; every other state by its name."""
    return SWEEP_WORDS.get(state, state)


def measure(value: float | None) -> str:
    """A metric with four digits after the point, or in scientific form where those would say little."""
    if value is None or not math.isfinite(value):
        return NOTHING
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e5 else f"{value:.3e}"


def setting(value: Value) -> str:
    """A hyperparameter: three digits of a number, everything else as it is."""
    if value is None:
        return NOTHING
    if not isinstance(value, float):
        return str(value).lower() if isinstance(value, bool) else str(value)
    if value == 0 or 1e-2 <= abs(value) < 1e5:
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    return f"{value:.1e}"


def settings(params: Params) -> str:
    """``lr=1.9e-04 dropout=0.42``."""
    return " ".join(f"{name}={setting(value)}" for name, value in params.items())


def duration(seconds: float | None) -> str:
    """``0:01:05``; ``-:--:--`` when unknown."""
    if seconds is None or not math.isfinite(seconds):
        return "-:--:--"
    whole = max(0, round(seconds))
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def span(seconds: float) -> str:
    """A duration for a narrow column: ``0.4s``, ``42s``, ``2m05``, ``3h07``."""
    whole = max(0, round(seconds))
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f}s"
    if whole < 60:
        return f"{whole}s"
    return f"{whole // 60}m{whole % 60:02d}" if whole < 3600 else f"{whole // 3600}h{whole // 60 % 60:02d}"


def count(number: int, noun: str) -> str:
    """``1 trial``, ``2 trials``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def shorten(text: str, width: int) -> str:
    """``text`` in at most ``width`` characters, the cut marked."""
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"


def middle(text: str, width: int) -> str:
    """``text`` in at most ``width`` characters, cut in the middle: for values whose two ends tell them apart."""
    if len(text) <= width:
        return text
    tail = (width - 1) // 2
    return text[: width - 1 - tail] + "…" + text[len(text) - tail :]


def curve_scale(rows: Sequence[Row]) -> tuple[float, float]:
    """Bottom and top for the curves of ``rows``, without the outermost twentieth, so that one wild start cannot
    flatten all others. (0, 0) when nothing finite was measured."""
    values = sorted(value for row in rows for value in row.curve if math.isfinite(value))
    if not values:
        return 0.0, 0.0
    cut = len(values) // 20
    return values[cut], values[-1 - cut]


def sparkline(curve: Sequence[float], horizon: int, width: int, scale: tuple[float, float]) -> str:
    """``curve`` (one value an epoch) as bars: a full-length curve is ``min(horizon, width)`` bars wide.

    Values outside ``scale`` are drawn at its ends; a value that is not finite as a space.
    """
    columns = min(horizon, width)
    shown = math.ceil(len(curve) * columns / horizon) if columns else 0
    picked = (curve[min(len(curve), math.ceil((i + 1) * horizon / columns)) - 1] for i in range(shown))
    return "".join(_bar(value, scale) for value in picked)


def _bar(value: float, scale: tuple[float, float]) -> str:
    if not math.isfinite(value):
        return " "
    low, high = scale
    share = (value - low) / (high - low) if high > low else 0.5
    return BARS[round(min(1.0, max(0.0, share)) * (len(BARS) - 1))]
