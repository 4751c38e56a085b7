"""k folds: divisions that keep their rules, and members that train all of them as one."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from torch.testing import assert_close

from search_spaces.race.legs import Leg, Member, Purpose
from search_spaces.spec.data import Split
from search_spaces.types.objective import LOSS
from tests.helpers import workload_data
from tests.helpers.workload_data import blobs, search_data
from workloads.arrays import DataError
from workloads.data.search_data import SearchData
from workloads.data.splits import blocks, folds, split
from workloads.legs import checkpoint
from workloads.legs.runner import LegRunner, LegSetting
from workloads.training.folds import fold_data, of_fold

HOW = Split(folds=3, seed=4)
CLASSES = np.repeat([0, 1, 2], [60, 24, 6])
GROUPS = np.arange(90) % 30


def test_folds_are_stratified_and_each_row_validates_once() -> None:
    found = folds(CLASSES, HOW)
    assert sorted(np.concatenate([val for _, val in found])) == list(range(90))
    for train, val in found:
        assert not set(train) & set(val) and len(train) + len(val) == 90
        assert np.bincount(CLASSES[val]).tolist() == [20, 8, 2]
    again, other = folds(CLASSES, HOW), folds(CLASSES, Split(folds=3, seed=5))
    assert np.array_equal(found[0][1], again[0][1]) and not np.array_equal(found[0][1], other[0][1])


@pytest.mark.parametrize("y", [CLASSES, np.linspace(0, 1, 90)[:, None]])
def test_groups_stay_together_in_folds_and_in_splits(y: np.ndarray) -> None:
    for train, val in folds(y, HOW, GROUPS):
        assert not set(GROUPS[train]) & set(GROUPS[val])
    parts = split(y, Split(), with_test=True, groups=GROUPS)
    assert sorted(np.concatenate(list(parts.values()))) == list(range(90))
    held = [set(GROUPS[rows]) for rows in parts.values()]
    assert not held[0] & held[1] and not held[0] & held[2] and not held[1] & held[2]
    assert 0.05 < len(parts["test"]) / 90 < 0.3
    if y is CLASSES:
        assert all(len(set(CLASSES[rows])) == 3 for rows in parts.values())


def test_blocks_of_time_are_validated_by_their_past_alone() -> None:
    for train, val in blocks(100, HOW, gap=7):
        assert train.max() + 7 < val.min()
        assert np.array_equal(val, np.arange(val[0], val[-1] + 1))


@pytest.mark.parametrize(
    ("y", "groups", "expected"),
    [
        (np.array([0] * 50 + [1] * 2), None, "received 3 folds and 2 rows of the rarest class"),
        (CLASSES, np.zeros(90), "3 folds cannot be made: there are 1 groups beside the test split$"),
        (CLASSES, CLASSES, "would train without some class"),
        (np.zeros((2, 1)), None, "3 folds cannot be made: there are 2 rows beside the test split$"),
    ],
)
def test_folds_that_cannot_be_made_are_refused(y: np.ndarray, groups: np.ndarray | None, expected: str) -> None:
    with pytest.raises(DataError, match=expected) as caught:
        folds(y, HOW, groups)
    assert str(caught.value).startswith("data.split.folds: ") and "\n" not in str(caught.value)


def test_too_few_groups_and_windows_are_refused() -> None:
    with pytest.raises(DataError, match="each class needs more groups"):
        split(CLASSES, Split(), with_test=True, groups=CLASSES)
    with pytest.raises(DataError, match="too few groups to split off test"):
        split(CLASSES, Split(), with_test=True, groups=np.zeros(90))
    with pytest.raises(DataError, match="3 folds cannot be made"):
        blocks(8, HOW, gap=7)


def folded() -> SearchData:
    search = search_data()
    return replace(search, folds=folds(np.concatenate([search.train.y, search.val.y]), HOW))


def runner(folder: Path, search: SearchData, workload: str = "mlp") -> LegRunner:
    setting = LegSetting(workload, LOSS, str(folder), device="cpu")
    return LegRunner(setting, search, blobs(30, 2))


def leg(start: int, stop: int, members: list[Member], purpose: Purpose = "search") -> Leg:
    return Leg(id=0, start=start, stop=stop, horizon=9, members=tuple(members), purpose=purpose)


def members(workload: str = "mlp", num: int = 3) -> list[Member]:
    small = {"batch_size": 8, **workload_data.SMALL[workload]}
    return [Member(trial=k, seed=k % 2, params={"lr": 0.01 * (k + 1), **small}) for k in range(num)]


def test_a_fold_is_prepared_by_its_own_training_part() -> None:
    search = folded()
    first = fold_data(search, 0)
    train, val = search.folds[0]
    x = np.concatenate([search.train.x, search.val.x])
    assert np.array_equal(first.train.x, x[train]) and np.array_equal(first.val.x, x[val])
    assert first.statistics.mean.ravel() == pytest.approx(x[train].mean(axis=(0, 2, 3)))
    assert first.folds == ()


@pytest.mark.parametrize("workload", ["mlp", "cnn"])
def test_a_member_reports_the_mean_and_the_spread_of_its_folds(tmp_path: Path, workload: str) -> None:
    search = folded()
    lane = runner(tmp_path, search, workload)
    lane.start(leg(0, 2, members(workload)))
    told = [lane.epoch(), lane.epoch()]
    alone = []
    for fold in range(3):
        single = runner(tmp_path / str(fold), fold_data(search, fold), workload)
        single.start(leg(0, 2, members(workload)))
        alone.append([single.epoch(), single.epoch()])
    for epoch in range(2):
        for k in range(3):
            losses = [fold[epoch][k].metrics["val_loss"] for fold in alone]
            metrics = told[epoch][k].metrics
            assert metrics["val_loss"] == pytest.approx(np.mean(losses), rel=1e-5)
            assert metrics["val_loss_std"] == pytest.approx(np.std(losses, ddof=1), rel=1e-4)
            assert metrics["train_loss"] == pytest.approx(
                np.mean([fold[epoch][k].metrics["train_loss"] for fold in alone]), rel=1e-5
            )


def test_going_on_from_a_checkpoint_of_all_folds_equals_an_uninterrupted_leg(tmp_path: Path) -> None:
    whole = runner(tmp_path / "a", folded())
    whole.start(leg(0, 4, members()))
    expected = [whole.epoch() for _ in range(4)][-1]
    begun = runner(tmp_path / "b", folded())
    begun.start(leg(0, 2, members()))
    begun.epoch(), begun.epoch()
    onward = [replace(m, checkpoint=s.uri) for m, s in zip(members(), begun.save(), strict=True)]
    resumed = runner(tmp_path / "b", folded())
    resumed.start(leg(2, 4, onward))
    found = [resumed.epoch() for _ in range(2)][-1]
    for one, other in zip(found, expected, strict=True):
        assert one.metrics["val_loss"] == pytest.approx(other.metrics["val_loss"], rel=1e-5)
    state = checkpoint.load(resumed.save()[0].uri)[1]
    assert_close(state.model, checkpoint.load(whole.save()[0].uri)[1].model)
    assert set(of_fold(state.model, 0)) == set(of_fold(state.model, 2))


def test_a_member_that_diverges_leaves_all_folds_and_harms_no_other(tmp_path: Path) -> None:
    wild = members()
    wild[1] = replace(wild[1], params={**wild[1].params, "lr": 1e30, "optimizer": "sgd"})
    wild = [replace(m, params={**m.params, "optimizer": "sgd"}) for m in wild]
    lane = runner(tmp_path, folded())
    lane.start(leg(0, 3, wild))
    told = [lane.epoch() for _ in range(3)]
    assert [t.key for epoch in told for t in epoch if t.failure] == ["t0001-s1"]
    assert [t.key for t in told[-1]] == ["t0000-s0", "t0002-s0"]
    assert all(math.isfinite(t.metrics["val_loss"]) for t in told[-1])
    alone = runner(tmp_path / "alone", folded())
    alone.start(leg(0, 3, [wild[2]]))
    assert [alone.epoch() for _ in range(3)][-1][0].metrics["val_loss"] == pytest.approx(
        told[-1][1].metrics["val_loss"], rel=1e-4
    )
    assert [s.key for s in lane.save()] == ["t0000-s0", "t0002-s0"]


def test_the_verdict_s_members_train_on_the_split_alone_and_know_their_roc_auc(tmp_path: Path) -> None:
    plain, lane = runner(tmp_path / "a", search_data()), runner(tmp_path / "b", folded())
    scored = []
    for each in (plain, lane):
        each.start(leg(0, 2, members(), "final"))
        each.epoch(), each.epoch()
        scored.append(each.score())
    assert scored[0] == scored[1]
    assert 0 <= scored[0][0].metrics["test_roc_auc"] <= 1
    assert 0 <= scored[0][0].metrics["val_roc_auc"] <= 1
    assert "val_loss_std" not in scored[0][0].metrics


def test_a_member_that_is_finished_by_patience_leaves_all_folds(tmp_path: Path) -> None:
    idle = members(num=2)
    idle[0] = replace(idle[0], params={**idle[0].params, "lr": 1e-30, "patience": 1})
    lane = runner(tmp_path, folded())
    lane.start(leg(0, 3, idle))
    told = [lane.epoch() for _ in range(3)]
    assert [[(t.key, t.finished) for t in epoch] for epoch in told] == [
        [("t0000-s0", False), ("t0001-s1", False)],
        [("t0000-s0", True), ("t0001-s1", False)],
        [("t0001-s1", False)],
    ]
    assert {saved.key: saved.epoch for saved in lane.save()} == {"t0000-s0": 2, "t0001-s1": 3}
