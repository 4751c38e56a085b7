"""The verdict: the finalist that did best on validation with new seeds, judged on the locked test split."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import fmean
from typing import Any

from search_spaces.race.finals import DEFAULT_TRIAL, scores
from search_spaces.race.race import Race
from search_spaces.race.track import Track
from tracking.results import compare


def test_metric(objective: str) -> str:
    """Return the metric of the verdict: the objective on the test split."""
    return "test_" + objective.removeprefix("val_")


def winner(race: Race) -> Track | None:
    """Return the best member of the finalist with the best mean validation value; None if all members failed."""
    members: dict[int, list[Track]] = {}
    for track in race.tracks:
        if track.state == "done" and track.best_value is not None:
            members.setdefault(track.trial, []).append(track)
    objective = race.rules.objective
    best = objective.best(members.values(), lambda tracks: fmean(track.best_value or 0.0 for track in tracks))
    return objective.best(best or (), lambda track: track.best_value)


def verdict(race: Race, entries: Mapping[str, Mapping[str, Any]], objective: str) -> dict[str, Any] | None:
    """Return the ``verdict`` of the ``--json`` document; None when no final member could be scored."""
    chosen, metric = winner(race), test_metric(objective)
    by_trial = scores(entries, metric)
    if chosen is None or chosen.trial not in by_trial:
        return None
    champion, default = by_trial[chosen.trial], by_trial.get(DEFAULT_TRIAL, {})
    return {
        "metric": metric,
        "winner": {
            "number": chosen.trial,
            "params": dict(chosen.searched),
            **_document(compare.estimate(champion.values())),
        },
        "default": {"number": DEFAULT_TRIAL, **_document(compare.estimate(default.values()))},
        "difference": _document(compare.paired(champion, default)),
    }


def _document(found: compare.Estimate) -> dict[str, Any]:
    return {
        "mean": _number(found.mean),
        "ci95": [_number(found.low), _number(found.high)],
        "seeds": found.num_seeds,
    }


def _number(value: float) -> float | None:
    """Return None for NaN, which JSON lacks: the interval of one seed is [null, null]."""
    return value if math.isfinite(value) else None
