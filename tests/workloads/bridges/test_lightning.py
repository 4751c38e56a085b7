"""Lightning's bridge: what a module logs last is reported, and schedules go on as without a pause."""

from __future__ import annotations

from pathlib import Path

import pytest

from search_spaces.race.legs import Leg, Member
from search_spaces.types.objective import Objective
from workloads.data.search_data import no_data
from workloads.legs.runner import LegRunner, LegSetting

FUNCTION = "tests.helpers.lightning_schedule:train"


def rates(folder: Path, *stops: int) -> list[float]:
    """Return the rate that each epoch reports, where training pauses at these epochs."""
    setting = LegSetting(FUNCTION, Objective("val_loss", "minimize"), str(folder), device="cpu")
    start, checkpoint, told = 0, None, []
    for stop in stops:
        lane = LegRunner(setting, no_data())
        member = Member(trial=0, seed=1, params={}, checkpoint=checkpoint)
        lane.start(Leg(id=0, start=start, stop=stop, horizon=4, members=(member,)))
        while not lane.done:
            told += [one.metrics["rate"] for one in lane.epoch()]
        start, checkpoint = stop, lane.save()[0].uri
    return told


def test_a_rate_that_waits_for_a_metric_goes_on_where_training_does(tmp_path: Path) -> None:
    pytest.importorskip("lightning", reason="pip install 'paceline[lightning]'")
    assert rates(tmp_path, 4) == rates(tmp_path, 2, 4) == rates(tmp_path, 1, 2, 3, 4) == [0.5, 0.5, 0.25, 0.125]
