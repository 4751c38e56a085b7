"""Makes the home of a new sweep."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster.doctor.addresses import refuse_addresses
from cluster.sweep.home import SweepHome

if TYPE_CHECKING:
    from search_spaces.spec.sweep import Sweep


def begun(sweep: Sweep, origin: str) -> SweepHome:
    """Make the new sweep's home; ``origin`` is the spec's name in faults.

    Raises SpecError where an address of its stores cannot work, or it cannot learn from earlier sweeps it names.
    """
    refuse_addresses(sweep)
    if not sweep.warm_start:
        return SweepHome.create(sweep)
    from cluster.sweep.knowledge.warm_start import begun as with_known_trials  # 300 ms: Optuna

    return with_known_trials(sweep, origin)
