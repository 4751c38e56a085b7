"""Judges from a training's curves whether it overfitted, in words and numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from search_spaces.types.inspection import Overfitting

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
"""A loss has risen if the tail's mean is above the lowest value by this share of the curve's range."""


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


def judge(curves: Mapping[str, Sequence[float]], best_epoch: int) -> Overfitting | None:
    """Return the judgement of the loss ``train_loss`` and ``val_loss``, one value per epoch.

    None where one was not measured, is not finite, or is shorter than MIN_EPOCHS. ``best_epoch`` counts from 1.
    """
    train, val = curves.get("train_loss", ()), curves.get("val_loss", ())
    num_epochs = min(len(train), len(val))
    if num_epochs < MIN_EPOCHS or not np.isfinite([*train, *val]).all():
        return None
    window = max(MIN_EPOCHS, round(TAIL * num_epochs))
    gap = [v - t for t, v in zip(train, val, strict=False)]
    trends = [trend(curve[num_epochs - window : num_epochs], _range(val)) for curve in (gap, train, val)]
    return Overfitting(
        words=_words(trends, val[:num_epochs], window, best_epoch),
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


def _words(trends: Sequence[Trend], val: Sequence[float], window: int, best_epoch: int) -> str:
    gap, train, now = trends
    lowest = int(np.argmin(val))
    risen = float(np.mean(val[-window:])) - val[lowest]
    facts = f"validation loss lowest {val[lowest]:.3g} (epoch {lowest + 1}), last {val[-1]:.3g}"
    kept = f"the weights of epoch {best_epoch} of {len(val)} are kept"
    if now.direction >= 0 and risen > max(RISEN * _range(val), ERRORS * float(np.std(val[-window:]))):
        return f"overfitting: {facts}; {kept}"
    if now.direction > 0:
        falls = " while the training loss falls" if train.direction < 0 else ""
        return f"overfitting: {facts}, rising at the end{falls}; {kept}"
    if now.direction < 0:
        last = ", ".join(f"{value:.3g}" for value in val[-SHOWN:])
        what = f"not converged: validation loss {last} in the last epochs"
        wider = ", though the gap to the training loss widens" if gap.direction > 0 else ""
        return f"{what}{wider}; more epochs may help"
    if gap.direction > 0 and train.direction < 0 and lowest < len(val) - 1:
        falls = f"the training loss still falls, the validation loss does not ({facts})"
        return f"beginning to overfit: {falls}; more epochs will not help"
    return f"no clear overfitting: {facts}"


def _range(curve: Sequence[float]) -> float:
    return max(curve) - min(curve)
