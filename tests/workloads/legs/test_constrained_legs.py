"""A lane ends members that break a constraint for good; those of the final evaluation train on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from search_spaces.criteria.constraints import Constraint, Criteria
from search_spaces.race.legs import Member, MemberEpoch
from search_spaces.types.objective import LOSS
from tests.helpers.workload_data import blobs, search_data
from tests.workloads.legs.test_runner import SMALL, leg, run
from workloads.legs.runner import LegRunner, LegSetting

PARAMS = Constraint(metric="params_m", max=0.0002)
LOSS_BOUND = Constraint(metric="val_loss", max=1e-9)


def lane(folder: Path, *constraints: Constraint) -> LegRunner:
    setting = LegSetting("mlp", LOSS, str(folder), "cpu", criteria=Criteria(constraints=constraints))
    return LegRunner(setting, search_data(), blobs(30, 2))


def members(*widths: int) -> list[Member]:
    return [Member(trial=k, seed=0, params={**SMALL, "width": width}) for k, width in enumerate(widths)]


def failures(told: list[list[MemberEpoch]]) -> list[list[str | None]]:
    return [[report.failure and report.failure.kind for report in epoch] for epoch in told]


def test_a_model_that_is_too_large_leaves_in_its_first_epoch(tmp_path: Path) -> None:
    trained = lane(tmp_path, PARAMS, LOSS_BOUND)
    told = run(trained, leg(0, 3, members(64)))
    assert failures(told) == [["constraint"]]
    assert str(told[0][0].failure).startswith("infeasible: params_m is 0.0") and trained.done


def test_a_small_one_stays_and_what_may_change_is_left_to_the_race(tmp_path: Path) -> None:
    assert failures(run(lane(tmp_path, PARAMS, LOSS_BOUND), leg(0, 2, members(2)))) == [[None], [None]]


def test_the_first_leg_has_told_of_the_model(tmp_path: Path) -> None:
    begun = lane(tmp_path)
    run(begun, leg(0, 1, members(64)))
    [saved] = begun.save()
    onward = [replace(member, checkpoint=saved.uri) for member in members(64)]
    assert failures(run(lane(tmp_path, PARAMS), leg(1, 2, onward))) == [[None]]


@pytest.mark.parametrize("constraint", [PARAMS, Constraint(metric="training_s", max=1e-9)])
def test_finalists_train_on(tmp_path: Path, constraint: Constraint) -> None:
    final = lane(tmp_path, constraint)
    assert failures(run(final, leg(0, 2, members(64), "final"))) == [[None], [None]]
    assert final.score()[0].metrics["test_accuracy"] >= 0
