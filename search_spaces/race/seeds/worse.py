"""Decides which configurations get another seed: none that is clearly worse than the best one (a race of seeds).

Of the configurations at one rung, those with several values tell the noise of a seed (one variance for all).
The incumbent is the best of them by its mean. A configuration is clearly worse where its mean is behind the
incumbent's by more than a one-sided t test at ``LEVEL`` allows for so many values of each (as irace and ROAR race
their candidates). While none has two values the noise is unknown, and the best one alone gets a second.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

LEVEL = 0.05
"""Probability of giving up one that is as good as the incumbent."""

Values = Sequence[float]
"""Signed objective of a configuration at a rung by seed: lower is better."""


def wanting(group: Mapping[int, Values], asking: Sequence[int]) -> list[int]:
    """Return which of the numbers ``asking`` get another seed now, the best first; ``group``: all at a rung."""
    order = sorted(asking, key=lambda number: (fmean(group[number]), number))
    if not any(len(values) > 1 for values in group.values()):
        return order[:1]
    return [number for number in order if not clearly_worse(group[number], group)]


def clearly_worse(values: Values, group: Mapping[int, Values]) -> bool:
    """Whether these values are behind the incumbent's of the group, one of which has several values."""
    several = [seen for seen in group.values() if len(seen) > 1]
    freedom = sum(len(seen) - 1 for seen in several)
    noise = sum((value - fmean(seen)) ** 2 for seen in several for value in seen) / freedom
    incumbent = min(several, key=fmean)
    error = math.sqrt(noise * (1 / len(values) + 1 / len(incumbent)))
    return fmean(values) - fmean(incumbent) > _quantile(freedom) * error


def _quantile(freedom: int) -> float:
    from scipy.special import stdtrit  # 60 ms: SciPy

    return float(stdtrit(freedom, 1 - LEVEL))
