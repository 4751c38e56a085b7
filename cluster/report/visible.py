"""The range of an axis of values: outliers on the bad side, as of first epochs, are cut off, and that is told."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from search_spaces.types.objective import Objective

SHARE: Final = 0.95
"""Share of the values that is always visible, the best ones; of few values all but the worst are."""
FEW: Final = 5
"""Number of values up to which all are visible."""
FAR: Final = 3.0
"""The axis ends where the others would make it more than so many times as long."""


@dataclass(frozen=True)
class Visible:
    """Bounds of an axis, None for those that hold all values, and the number of values beyond them."""

    bounds: list[float] | None = None
    num_beyond: int = 0
    num_values: int = 0

    @property
    def notes(self) -> list[str]:
        """A sentence on what lies beyond; empty where nothing does."""
        told = f"Beyond the axis: {self.num_beyond:,} of {self.num_values:,} values, worse than those that it shows"
        return [f"{told}; zoom out to see them."] if self.num_beyond else []


def visible(values: Sequence[float], objective: Objective) -> Visible:
    """Return the part of an axis that shows the better values apart. Values that are not finite do not count."""
    signed = sorted(objective.signed(value) for value in values if math.isfinite(value))
    if not signed:
        return Visible()
    num_kept = min(math.ceil(SHARE * len(signed)), max(FEW, len(signed) - 1), len(signed))
    best, limit, worst = signed[0], signed[num_kept - 1], signed[-1]
    if worst - best <= FAR * (limit - best) or limit == best:
        return Visible(num_values=len(signed))
    room = 0.05 * (limit - best)
    bounds = sorted(-value if not objective.ascending else value for value in (best - room, limit + room))
    return Visible(bounds, sum(value > limit + room for value in signed), len(signed))
