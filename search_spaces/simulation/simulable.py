"""Tells in words which of a sweep's keys have no effect on a simulation."""

from __future__ import annotations

from search_spaces.simulation.recorded import Recorded
from search_spaces.spec.sweep import Sweep


def not_simulated(sweep: Sweep, recorded: Recorded) -> list[str]:
    """Return a line on each key of the sweep that has no effect on the simulation, or less than it asks for."""
    told, num = list[str](), len(recorded.values)
    if sweep.retest not in ("auto", 0):
        told.append("retest: the table has each configuration once, and none is trained again")
    if sweep.trial_timeout_s is not None:
        told.append("trial_timeout: no trial is ended for its time")
    if sweep.trials > num:
        told.append(
            f"trials: {sweep.trials} are more than the configurations of the table, so that {num} are tried"
        )
    return told
