"""Predicted numbers on the test split: beside the truth, and how large their errors are, in the target's units."""

from __future__ import annotations

from typing import Any

import numpy as np

from search_spaces.types.inspected.classes import Histogram
from search_spaces.types.inspected.numbers import Errors
from workloads.arrays import Array
from workloads.champion.looks.seen import Seen, evenly
from workloads.champion.winner import errors_of

MAX_PAIRS = 2000
"""Largest number of test examples, evenly chosen, whose predictions are shown beside the truth."""
BARS = 40
"""Bins of the histogram of errors."""
QUANTILES = (1, 5, 25, 50, 75, 95, 99)
"""Quantiles of the errors, in percent; those of absolute errors are the upper ones and the largest."""


def numbers(seen: Seen) -> dict[str, Any]:
    """Return (truth, prediction) of evenly chosen test examples, and the errors of all."""
    truth, error = errors_of(seen.winner, seen.test, seen.of_test)
    places = evenly(len(truth), MAX_PAIRS)
    pairs = zip(truth[places].tolist(), (truth + error)[places].tolist(), strict=True)
    return {"pairs": list(pairs), "errors": errors(error, int(np.prod(seen.test.y.shape[1:])))}


def errors(error: Array, num_targets: int) -> Errors:
    """Return histogram and quantiles of errors (examples,)."""
    low, high = float(error.min()), float(error.max())
    high = high if high > low else low + 1.0
    counts = np.histogram(error, BARS, (low, high))[0].tolist()
    absolute = {str(q): float(np.percentile(np.abs(error), q)) for q in (*QUANTILES[3:], 100)}
    return Errors(
        histogram=Histogram(low=low, high=high, counts={"errors": counts}),
        quantiles={str(q): float(np.percentile(error, q)) for q in QUANTILES},
        absolute=absolute,
        covered=float((error >= 0).mean()),
        num_targets=num_targets,
    )
