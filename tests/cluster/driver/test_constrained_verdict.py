"""The champion keeps the constraints with its new seeds, where any finalist does."""

from __future__ import annotations

from search_spaces.criteria.constraints import Constraint, Criteria
from search_spaces.race.track import Track
from tests.cluster.driver.test_verdict import ACCURACY, finalists, told

FAST = Criteria(constraints=(Constraint(metric="latency_ms", max=5.0),))


def member(trial: int, seed: int, value: float, latency: float) -> Track:
    track = Track(
        index=100 * trial + seed,
        trial=trial,
        seed=seed,
        searched={},
        params={},
        signature=(),
        objective=ACCURACY,
        criteria=FAST,
        state="done",
    )
    track.measure(1, value, {"latency_ms": latency})
    return track


def members(trial: int, value: float, *latencies: float) -> list[Track]:
    return [member(trial, seed, value, latency) for seed, latency in enumerate(latencies, 1)]


SLOW = members(3, 0.95, 5.5, 4.9)


def test_the_best_that_keeps_them_wins() -> None:
    verdict = told(finalists([*SLOW, *members(7, 0.92, 5.1, 4.8), *members(0, 0.9, 1, 1)], {3: 0.95, 7: 0.93}))
    assert verdict["winner"]["number"] == 7 and verdict["breaks"] is None
    assert [one["number"] for one in verdict["finalists"]] == [3, 7, 0]
    assert verdict["why"] == (
        "t007 has the best mean val_accuracy of 2 finalists over 2 new seeds: 0.9200. "
        "t003, the best of the search with 0.9500, breaks a constraint with its new seeds."
    )


def test_where_none_does_the_best_wins_with_a_warning() -> None:
    verdict = told(finalists([*SLOW, *members(7, 0.92, 6, 6)], {3: 0.95, 7: 0.93}))
    assert verdict["winner"]["number"] == 3
    assert verdict["breaks"] == "latency_ms is 5.2, and must be at most 5"
    assert verdict["warnings"] == [
        "The champion breaks a constraint with its new seeds, as every finalist does: "
        "latency_ms is 5.2, and must be at most 5."
    ]
