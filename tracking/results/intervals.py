"""Confidence intervals of a score over test rows and seeds: both are samples, and both are counted.

Each of S models (one per seed) is scored on the same n test rows. A configuration's score in the population is the
mean over both, so that its error has a part of the rows, one of the seeds, and one of their interaction (two
crossed random effects: Searle, Casella & McCulloch 1992, Variance Components, section 4.7).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[Any]

CONFIDENCE = 0.95
ROUNDING = 1e-12
Kind = Literal["share", "difference", "rate", "rate difference", "error", "r2", "number"]
"""What is averaged: a share of hits (each row 0 or 1), one from 0 to 1, a difference of two, or any number."""
BOUNDS: Mapping[Kind, tuple[float, float]] = {
    "share": (0.0, 1.0),
    "rate": (0.0, 1.0),
    "difference": (-1.0, 1.0),
    "rate difference": (-1.0, 1.0),
    "error": (0.0, math.inf),
    "r2": (-math.inf, 1.0),
    "number": (-math.inf, math.inf),
}
_ONE, _TWO = ((1.0, 0.0), (2.0, 2.0)), ((1.0, -1.0, 0.0), (0.5, 0.5, 1.0))
PSEUDO_ROWS: Mapping[Kind, tuple[Sequence[float], Sequence[float]]] = {
    "share": _ONE,
    "rate": _ONE,
    "difference": _TWO,
    "rate difference": _TWO,
}
"""Values and weights of rows that are added to those of the test split.

Without them the interval of a share near 0 or 1 is too short, and of width 0 where all rows agree (Agresti & Coull
1998, The American Statistician 52(2); for paired differences Agresti & Min 2005, Statistics in Medicine 24(5)).
"""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean over seeds with its 95 % interval, NaN where there is none.

    ``over`` names what the interval counts as samples: the test rows, the seeds, or both; else it is empty.
    """

    mean: float
    low: float = math.nan
    high: float = math.nan
    num_seeds: int
    over: Literal["rows and seeds", "rows", "seeds", ""] = ""

    @property
    def ci95(self) -> tuple[float, float]:
        """Bounds of the interval."""
        return self.low, self.high


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What the columns of scores by row are worth, where they are no independent rows of one size."""

    num_rows: float | None = None
    """Number of rows to which pseudo-rows are added; None: that of the columns."""
    free: float | None = None
    """Degrees of freedom of the variance over columns; None: their number less one."""


ROWS = Sample()


@dataclass(frozen=True, kw_only=True)
class TestScores:
    """Scores of one configuration on the test split.

    ``by_row`` has a row per seed, in the order of ``by_seed``, and a column per test row (or group or block of rows
    that depend on each other); its mean over columns is the score, or for a metric that is no mean of rows the
    jackknife's pseudo-values stand in it. None where the metric does not come apart by rows.
    """

    __test__ = False

    by_seed: Mapping[int, float]
    by_row: Matrix | None = None
    kind: Kind = "number"
    sample: Sample = ROWS

    def only(self, seeds: Sequence[int]) -> TestScores:
        """Return the scores of these seeds, in this order."""
        order = list(self.by_seed)
        rows = None if self.by_row is None else self.by_row[[order.index(seed) for seed in seeds]]
        return replace(self, by_seed={s: self.by_seed[s] for s in seeds}, by_row=rows)

    def minus(self, other: TestScores) -> TestScores:
        """Return the difference by row and seed, over the seeds that both have."""
        seeds = sorted(self.by_seed.keys() & other.by_seed.keys())
        mine, theirs = self.only(seeds), other.only(seeds)
        rows = None if mine.by_row is None or theirs.by_row is None else mine.by_row - theirs.by_row
        by_seed = {seed: self.by_seed[seed] - other.by_seed[seed] for seed in seeds}
        kinds: Mapping[Kind, Kind] = {"share": "difference", "rate": "rate difference"}
        kind = kinds.get(self.kind, "number")
        return TestScores(by_seed=by_seed, by_row=rows, kind=kind, sample=self.sample)


def estimate(scores: TestScores) -> Estimate:
    """Return the mean over seeds and its interval. A value that is not finite makes all of it NaN.

    Without values by row the interval is Student's over the seeds alone. A single seed has the rows' alone.
    """
    values, num_seeds = list(scores.by_seed.values()), len(scores.by_seed)
    if not values or not all(map(math.isfinite, values)):
        return Estimate(mean=math.nan, num_seeds=num_seeds)
    mean = statistics.fmean(values)
    if abs(mean) <= ROUNDING * max(map(abs, values)):
        mean = 0.0  # differences that cancel out leave what was rounded, as -5.6e-17
    if scores.by_row is None:
        if num_seeds == 1:
            return Estimate(mean=mean, num_seeds=1)
        half = _quantile(num_seeds - 1) * statistics.stdev(values) / math.sqrt(num_seeds)
        low, high = _within(scores.kind, mean - half, mean + half)
        return Estimate(mean=mean, low=low, high=high, num_seeds=num_seeds, over="seeds")
    low, high = crossed(scores.by_row, scores.kind, scores.sample)
    if math.isnan(low):
        return Estimate(mean=mean, num_seeds=num_seeds)
    over: Literal["rows and seeds", "rows"] = "rows" if num_seeds == 1 else "rows and seeds"
    return Estimate(mean=mean, low=min(low, mean), high=max(high, mean), num_seeds=num_seeds, over=over)


def apart(first: Estimate, second: Estimate) -> Estimate:
    """Return the difference of two scores that were not measured on the same rows, with an interval from both.

    The intervals' sides are summed as squares (MOVER: Zou & Donner 2008, Statistics in Medicine 27(10)). Where one
    has no interval the difference has none.
    """
    mean, num_seeds = first.mean - second.mean, min(first.num_seeds, second.num_seeds)
    if not all(map(math.isfinite, (*first.ci95, *second.ci95))):
        return Estimate(mean=mean, num_seeds=num_seeds)
    down = math.hypot(first.mean - first.low, second.high - second.mean)
    up = math.hypot(first.high - first.mean, second.mean - second.low)
    over = first.over if first.over == second.over else ""
    return Estimate(mean=mean, low=mean - down, high=mean + up, num_seeds=num_seeds, over=over)


def crossed(by_row: Matrix, kind: Kind = "number", sample: Sample = ROWS) -> tuple[float, float]:
    """Return the 95 % interval of the mean of ``by_row`` (seeds, rows); NaN for fewer than two rows.

    The variance is the rows' part plus the seeds' part; each contains the interaction's, which is subtracted once.
    Half the width is the root mean square of two: Student's t with Satterthwaite's degrees of freedom (1946,
    Biometrics Bulletin 2(6)), which is short where few seeds matter most, and the parts' own half widths summed as
    squares (Graybill & Wang 1980, JASA 75(372)), which is wide where none does. ``tests.benchmarks.coverage``
    measures what comes of it.
    """
    num_seeds, num_rows = by_row.shape
    if num_rows < 2:
        return math.nan, math.nan
    rows, seeds = by_row.mean(0), by_row.mean(1)
    centre, of_rows = _rows_part(rows, kind, sample)
    if num_seeds == 1:
        half = _quantile(of_rows[1]) * math.sqrt(of_rows[0])
    else:
        rest = by_row - rows - seeds[:, None] + by_row.mean()
        num_free = (num_seeds - 1) * (num_rows - 1)
        of_rest = float((rest**2).sum()) / num_free / rest.size
        of_seeds = float(seeds.var(ddof=1)) / num_seeds, num_seeds - 1
        half = _half_width(of_rows, of_seeds, (of_rest, num_free))
    return _within(kind, centre - half, centre + half)


def _within(kind: Kind, low: float, high: float) -> tuple[float, float]:
    return max(low, BOUNDS[kind][0]), min(high, BOUNDS[kind][1])


Part = tuple[float, float]
"""An estimate of a variance of the mean, and its degrees of freedom."""


def _half_width(rows: Part, seeds: Part, rest: Part) -> float:
    of_rows, of_seeds = max(rows[0], rest[0]), max(seeds[0] - rest[0], 0.0)
    variance = of_rows + of_seeds
    if variance == 0:
        return 0.0
    spread = sum(part**2 / free for part, free in (rows, seeds, rest))
    satterthwaite = _quantile(max(variance**2 / spread, seeds[1])) ** 2 * variance
    summed = _quantile(rows[1]) ** 2 * of_rows + _quantile(seeds[1]) ** 2 * of_seeds
    return math.sqrt((satterthwaite + summed) / 2)


def _rows_part(rows: Matrix, kind: Kind, sample: Sample) -> tuple[float, Part]:
    """Return the mean over rows and pseudo-rows, and the variance of that mean over rows."""
    mean, variance = float(rows.mean()), float(rows.var(ddof=1)) / len(rows)
    free = len(rows) - 1 if sample.free is None else sample.free
    if kind not in PSEUDO_ROWS:
        return mean, (variance, free)
    pseudo = list(zip(*PSEUDO_ROWS[kind], strict=True))
    num_rows = len(rows) if sample.num_rows is None else sample.num_rows
    size = num_rows + sum(weight for _, weight in pseudo)
    centre = (num_rows * mean + sum(value * weight for value, weight in pseudo)) / size
    squares = num_rows * ((num_rows - 1) * variance + (mean - centre) ** 2)
    squares += sum(weight * (value - centre) ** 2 for value, weight in pseudo)
    of_hits = kind in ("share", "difference")
    return centre, (squares / (size - 1) / size, size - 1 if of_hits else min(free, size - 1))


def _quantile(degrees: float) -> float:
    """Return Student's t for ``CONFIDENCE`` on both sides."""
    from scipy.stats import t

    return float(t.ppf((1 + CONFIDENCE) / 2, degrees))
