"""The difference of a sweep's champion to that of another sweep in this folder, with its interval."""

from __future__ import annotations

from cluster.driver.comparing.between_sweeps import NotCompared, compared
from cluster.sweep.home import SweepHome
from cluster.sweep.reading import Reading
from tracking.results.intervals import Estimate


def difference_to(read: Reading, other: str) -> tuple[Estimate, str] | None:
    """Return the sweep's champion less that of the sweep with the ID ``other``, and how it was measured.

    It is the one of `paceline compare`. None where that sweep is not here, or the difference has no interval.
    """
    home = next((one for one in SweepHome.all() if one.id == other), None)
    if home is None:
        return None
    try:
        [found] = compared([Reading.of(home), read])["differences"]
    except NotCompared:
        return None
    if found["ci95"] is None:
        return None
    low, high = found["ci95"]
    return Estimate(mean=found["mean"], low=low, high=high, num_seeds=0), found["how"]
