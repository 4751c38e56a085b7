"""The course of one trial: the stretches in which it was trained, what it cost, and why it ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster.sweep.provenance.leg_log import legs
from cluster.sweep.reading import Reading
from cluster.terminal import formatting
from cluster.terminal.records import Row, best_by
from search_spaces.types.problems import COSTS
from search_spaces.types.trial_names import name_of_key, trial_name


def costs(curves: Mapping[str, Mapping[int, float]]) -> dict[str, float]:
    """Return what a trial cost at its last epoch for which it is known: parameters, latency, time, memory."""
    return {name: curves[name][max(curves[name])] for name in COSTS if curves.get(name)}


def stretches(read: Reading, row: Row) -> list[dict[str, Any]]:
    """Return each stretch of a trial's training in the search: epochs, worker, seconds, and who trained with it.

    Empty where the sweep was driven by a version that kept none.
    """
    mine = trial_name(row.number)
    found = []
    for leg in legs(read.study.facts()):
        names = [name_of_key(key).split()[0] for key in leg.members]
        if leg.purpose == "search" and mine in names:
            found.append(
                {
                    "from_epoch": leg.start + 1,
                    "to_epoch": max(leg.start, min(leg.stop, row.epochs)),
                    "began_s": leg.began_s,
                    "seconds": leg.seconds,
                    "worker": leg.lane,
                    "together_with": [name for name in names if name != mine],
                    "failed": leg.failed,
                }
            )
    return found


def ended(read: Reading, row: Row) -> str:
    """Return why a trial has ended, or has not, in a sentence."""
    if row.failure is not None:
        return row.failure.line
    if row.held_by_user:
        return f"{row.by_user} by a user"
    if row.state == "stopped":
        return _pruned(read, row)
    if row.state == "done":
        whole = row.epochs >= read.sweep.epochs
        return "trained to the end" if whole else f"ended by itself after {formatting.count(row.epochs, 'epoch')}"
    if row.state == "running":
        return "is being trained"
    if not read.live:
        return f"has not ended: the sweep stopped before, and `paceline resume {read.home.id}` continues it"
    return "waits to be promoted"


def _pruned(read: Reading, row: Row) -> str:
    """Return where early stopping ended a trial, and how it stood there among all that came as far."""
    objective, at = read.sweep.objective, row.epochs
    told = f"pruned after {formatting.count(at, 'epoch')}"
    best = {one.number: best_by(one, at, objective) for one in read.rows if one.epochs >= at}
    able = {number: value for number, value in best.items() if value is not None}
    if at == 0 or row.number not in able or len(able) < 2:
        return told
    place = objective.ranked(able, lambda number: able[number]).index(row.number) + 1
    return f"{told}: {objective.name} {formatting.measure(able[row.number])} was place {place} of {len(able)}"
