"""Early stopping: a member that has not improved for as long as its patience is finished; nothing of it is lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal, cast

from hypothesis import given
from hypothesis import strategies as st

from search_spaces.race.legs import Leg, Member, MemberEpoch, Purpose
from search_spaces.types.objective import LOSS, Objective
from tests.helpers.workload_data import blobs, search_data
from workloads.hyperparameters import Training
from workloads.legs import checkpoint
from workloads.legs.checkpoint import Progress
from workloads.legs.member import TrainingMember
from workloads.legs.runner import LegRunner, LegSetting
from workloads.training.setup import Loop

SMALL = {"batch_size": 8, "depth": 1, "width": 6, "lr": 0.01}


def textbook(values: list[float], patience: int, least: float) -> int | None:
    """Prechelt 1998's simplest rule: the epoch after which training stops, of values to be minimised."""
    best, waited = float("inf"), 0
    for epoch, value in enumerate(values, 1):
        best, waited = (value, 0) if value < best - least else (best, waited + 1)
        if waited == patience:
            return epoch
    return None


@given(
    st.lists(st.integers(0, 20), max_size=12),
    st.integers(1, 4),
    st.sampled_from([0, 2]),
    st.sampled_from(["minimize", "maximize"]),
)
def test_it_is_the_textbook_s_rule(
    values: list[int], patience: int, least: int, goal: Literal["minimize", "maximize"]
) -> None:
    hp = Training(patience=patience, min_improvement=float(least))
    member = Member(trial=0, seed=0, params={})
    aboard = TrainingMember(member, hp, Progress(epoch=0, seed=0, params={}), cast(Loop, None))
    stop, sign = None, 1 if goal == "minimize" else -1
    for value in values:
        told = aboard.measured({"val_loss": float(sign * value)}, True, Objective("val_loss", goal))
        if told.finished:
            stop = told.epoch
            break
    assert stop == textbook([float(v) for v in values], patience, least)
    seen = [sign * value for value in values[: stop or len(values)]]
    best = min(seen, key=lambda value: sign * value, default=None)
    assert aboard.progress.best_value == best
    assert aboard.progress.best_epoch == max((e for e, value in enumerate(seen, 1) if value == best), default=0)


def runner(folder: Path) -> LegRunner:
    setting = LegSetting("mlp", LOSS, str(folder), device="cpu")
    return LegRunner(setting, search_data(), blobs(30, 2))


def members() -> list[Member]:
    """The middle one stands still, and has the patience of two epochs."""
    still = {**SMALL, "lr": 1e-12, "patience": 2, "min_improvement": 1e-4}
    return [Member(trial=k, seed=0, params=still if k == 1 else SMALL) for k in range(3)]


def leg(start: int, stop: int, aboard: list[Member], purpose: Purpose = "search") -> Leg:
    return Leg(id=0, start=start, stop=stop, horizon=9, members=tuple(aboard), purpose=purpose)


def run(lane: LegRunner, work: Leg) -> list[MemberEpoch]:
    lane.start(work)
    told: list[MemberEpoch] = []
    while not lane.done:
        told += lane.epoch()
    return told


def finished(told: list[MemberEpoch]) -> list[tuple[str, int]]:
    return [(t.key, t.epoch) for t in told if t.finished]


def test_a_finished_member_is_told_once_leaves_and_is_saved_once(tmp_path: Path) -> None:
    lane = runner(tmp_path)
    lane.start(leg(0, 5, members()))
    told = [t for _ in range(4) for t in lane.epoch()]
    first = lane.save()
    told += lane.epoch()
    assert finished(told) == [("t0001-s0", 3)]
    assert [t.epoch for t in told if t.key == "t0001-s0"] == [1, 2, 3]
    assert {(s.key, s.epoch) for s in first} == {("t0000-s0", 4), ("t0001-s0", 3), ("t0002-s0", 4)}
    assert {(s.key, s.epoch) for s in lane.save()} == {("t0000-s0", 5), ("t0002-s0", 5)}
    assert checkpoint.progress(next(s.uri for s in first if s.key == "t0001-s0")).num_stale == 2


def test_patience_goes_on_over_legs(tmp_path: Path) -> None:
    lane = runner(tmp_path)
    assert finished(run(lane, leg(0, 2, members()))) == []
    onward = [replace(m, checkpoint=s.uri) for m, s in zip(members(), lane.save(), strict=True)]
    assert finished(run(runner(tmp_path), leg(2, 5, onward))) == [("t0001-s0", 3)]


def test_a_leg_whose_members_are_all_finished_is_done(tmp_path: Path) -> None:
    lane = runner(tmp_path)
    run(lane, leg(0, 9, [members()[1]]))
    assert lane.done and [(s.key, s.epoch) for s in lane.save()] == [("t0001-s0", 3)]


def test_a_finished_final_member_is_scored_with_its_best_weights(tmp_path: Path) -> None:
    lane = runner(tmp_path)
    told = run(lane, leg(0, 5, members(), "final"))
    lane.save()
    by_key = {scored.key: scored for scored in lane.score()}
    assert set(by_key) == {"t0000-s0", "t0001-s0", "t0002-s0"}
    best = min(t.metrics["val_loss"] for t in told if t.key == "t0001-s0")
    assert by_key["t0001-s0"].metrics["val_loss"] == best and "test_loss" in by_key["t0001-s0"].metrics
