"""Judges from a training's curves whether it overfitted, in words and numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from search_spaces.types.inspection import Overfitting
from workloads.arrays import Array

MIN_EPOCHS = 4
"""Number of epochs below which nothing is judged."""
TAIL = 1 / 3
"""Share of the epochs, the last ones but at least MIN_EPOCHS, whose trend is judged."""
ERRORS = 2.0
"""A slope counts as a trend if it is larger than this many standard errors, and ..."""
NOTICEABLE = 0.01
"""... if over the tail it changes the curve by more than this share of the range of the validation loss."""
SHOWN = 3
"""Number of last epochs whose loss is named where it still falls."""
RISEN = 0.1
"""A loss has risen if the mean of its tail is above its lowest level by this share of that level, or of the curve's
range if that is less, by NOTICEABLE of the range, and by NOISE standard errors: so of noise about
a flat line at most one curve in sixty is said to rise."""
NOISE = 3.0
LEVEL = 3
"""Number of epochs in a row whose mean is a level: the lowest single value of a noisy curve is low by chance."""


@dataclass(frozen=True)
class Trend:
    """Straight line through the tail of a curve."""

    slope: float
    """Change per epoch."""
    direction: int
    """1 rising, -1 falling, 0 no clear trend."""


def trend(tail: Sequence[float], curve_range: float) -> Trend:
    """Return the line of least squares; its change over the tail is compared with ``curve_range``."""
    y, x = np.asarray(tail, float), np.arange(len(tail), dtype=float)
    x -= x.mean()
    slope = float(x @ y / (x @ x))
    residual = y - y.mean() - slope * x
    error = math.sqrt(float(residual @ residual) / max(1, len(y) - 2) / float(x @ x))
    clear = abs(slope) > ERRORS * error and abs(slope) * (len(y) - 1) > NOTICEABLE * curve_range
    return Trend(slope, int(np.sign(slope)) if clear else 0)


def judge(curves: Mapping[str, Sequence[float]], best_epoch: int, metric: str = "loss") -> Overfitting | None:
    """Return the judgement of the loss ``train_loss`` and ``val_loss``, one value per epoch.

    None where one was not measured, is not finite, or is shorter than MIN_EPOCHS. ``best_epoch``, from 1, is that
    with the best ``metric``, which may not be the one with the lowest loss.
    """
    train, val = curves.get("train_loss", ()), curves.get("val_loss", ())
    num_epochs = min(len(train), len(val))
    if num_epochs < MIN_EPOCHS or not np.isfinite([*train, *val]).all():
        return None
    train, val = train[:num_epochs], val[:num_epochs]
    window = max(MIN_EPOCHS, round(TAIL * num_epochs))
    gap = [v - t for t, v in zip(train, val, strict=True)]
    trends = [trend(curve[num_epochs - window :], _range(val)) for curve in (gap, train, val)]
    facts, judgement = _facts(trends, train, val, window)
    kept = f"the weights of epoch {best_epoch} of {num_epochs} are kept"
    by = "" if metric == "loss" else f", the best by {metric if metric in curves else f'val_{metric}'}"
    return Overfitting(
        words=f"{facts}: {judgement}" + (f"; {kept}{by}" if judgement.startswith("overfitting") else ""),
        measure="loss",
        best_epoch=best_epoch,
        epochs=num_epochs,
        gap_best=gap[best_epoch - 1],
        gap_last=gap[-1],
        gap_trend=trends[0].slope,
        train_trend=trends[1].slope,
        val_trend=trends[2].slope,
        window=window,
    )


def _facts(trends: Sequence[Trend], train: Sequence[float], val: Sequence[float], window: int) -> tuple[str, str]:
    """Return what the curves show, and what that means: both are words for people."""
    gap, of_train, of_val = trends
    lowest = int(np.argmin(val))
    facts = f"validation loss lowest {val[lowest]:.3g} (epoch {lowest + 1}), last {val[-1]:.3g}"
    if of_val.direction > 0 or (of_val.direction == 0 and risen(val, window)):
        if risen(train, window) and of_train.direction >= 0:
            return f"{facts}, and the training loss rises, too", "unstable; a smaller learning rate may help"
        rising = ", and still rising" if of_val.direction > 0 else ""
        falls = ", while the training loss falls" if of_train.direction < 0 else ""
        return f"{facts}{rising}{falls}", "overfitting"
    if of_val.direction < 0:
        last = ", ".join(f"{value:.3g}" for value in val[-SHOWN:])
        wider = ", though the gap to the training loss widens" if gap.direction > 0 else ""
        return f"validation loss {last} in the last epochs{wider}", "not converged; more epochs may help"
    if gap.direction > 0 and of_train.direction < 0 and lowest < len(val) - 1:
        return f"{facts}, while the training loss still falls", "beginning to overfit; more epochs will not help"
    if val[-1] - val[lowest] > RISEN * val[lowest]:
        facts += f"; from epoch to epoch it varies by {_noise(np.asarray(val, float), window):.2g}"
    return facts, "no clear overfitting"


def risen(curve: Sequence[float], window: int) -> bool:
    """Return whether the mean of the last ``window`` epochs is clearly above the curve's lowest level."""
    values = np.asarray(curve, float)
    level = min(LEVEL, len(values))
    lowest = float(np.convolve(values, np.full(level, 1 / level), "valid").min())
    rise, span = float(values[-window:].mean()) - lowest, _range(curve)
    error = _noise(values, window) * math.sqrt(1 / window + 1 / level)
    return rise > max(NOTICEABLE * span, RISEN * min(span, abs(lowest)), NOISE * error)


def _noise(values: Array, window: int) -> float:
    """Return the standard deviation of a curve's values about a smooth line: the larger of two estimates.

    One is of a straight line through the tail; the other of second differences behind the first third, by their
    median, which a few jumps do not move.
    """
    tail, x = values[-window:], np.arange(window) - (window - 1) / 2
    residual = tail - tail.mean() - (x @ tail) / (x @ x) * x
    of_line = math.sqrt(float(residual @ residual) / max(1, window - 2))
    second = np.diff(values[len(values) // 3 :], 2)
    of_differences = float(np.median(np.abs(second))) / (0.6745 * math.sqrt(6)) if len(second) else 0.0
    return max(of_line, of_differences)


def _range(curve: Sequence[float]) -> float:
    return max(curve) - min(curve)
