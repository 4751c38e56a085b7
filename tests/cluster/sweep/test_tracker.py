"""What the sweep's own run says of its end."""

from __future__ import annotations

import pytest

from cluster.sweep.tracker import final_metrics
from search_spaces.types.objective import Objective


@pytest.mark.parametrize(("goal", "gain"), [("maximize", -0.25), ("minimize", 0.25)])
def test_a_gain_is_positive_where_the_champion_is_better(goal: str, gain: float) -> None:
    verdict = {"metric": "test_x", "winner": {"mean": 0.5}, "difference": {"mean": -0.25}}
    found = final_metrics(verdict, Objective("val_x", goal))
    assert found == {"test_x": 0.5, "test_x_gain_vs_default": gain}


def test_without_a_difference_there_is_no_gain() -> None:
    verdict = {"metric": "test_x", "winner": {"mean": 0.5}, "difference": {"mean": None}}
    assert final_metrics(verdict, Objective("val_x", "maximize")) == {"test_x": 0.5}
