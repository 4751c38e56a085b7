"""Legs: trained, saved, gone on with, scored; and checkpoints that are torn."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from search_spaces.race.legs import Leg, Member, MemberEpoch, Purpose
from search_spaces.types.failure import FailureReason
from search_spaces.types.objective import LOSS
from search_spaces.types.problems import COSTS, COSTS_OF_MODEL
from search_spaces.types.values import Value
from tests.helpers import workload_data
from tests.helpers.workload_data import blobs, search_data
from workloads.champion.export import export
from workloads.data.search_data import SearchData
from workloads.legs import checkpoint
from workloads.legs.checkpoint import TornCheckpoint
from workloads.legs.runner import LegRunner, LegSetting
from workloads.training.batches import resident, tensor

TRAINING = {"batch_size": 8, "dropout": 0.2}
SMALL = {"lr": 0.01, **TRAINING, **workload_data.SMALL["mlp"]}
METRICS = {
    "train_loss",
    "train_accuracy",
    "val_loss",
    "val_accuracy",
    "val_balanced_accuracy",
    "val_f1_macro",
    "val_precision_macro",
    "val_recall_macro",
    "generalization_gap_loss",
    "generalization_gap_accuracy",
    "lr",
    "grad_norm",
    *COSTS,
}


def runner(folder: Path | str, workload: str = "mlp", search: SearchData | None = None) -> LegRunner:
    setting = LegSetting(workload, LOSS, str(folder), device="cpu")
    return LegRunner(setting, search or search_data(), blobs(30, 2))


def leg(start: int, stop: int, members: list[Member], purpose: Purpose = "search") -> Leg:
    return Leg(id=0, start=start, stop=stop, horizon=9, members=tuple(members), purpose=purpose)


def members(workload: str = "mlp", **params: Value) -> list[Member]:
    small = {**workload_data.SMALL[workload], **TRAINING, **params}
    return [Member(trial=k, seed=k % 2, params={"lr": 0.01 * (k + 1), **small}) for k in range(3)]


def run(lane: LegRunner, work: Leg) -> list[list[MemberEpoch]]:
    lane.start(work)
    told = []
    while not lane.done:
        told.append(lane.epoch())
    return told


@pytest.mark.parametrize("workload", ["mlp", "cnn", "recurrent"])
def test_every_member_reports_every_epoch_with_every_metric(tmp_path: Path, workload: str) -> None:
    told = run(runner(tmp_path, workload), leg(0, 3, members(workload)))
    assert [[(t.key, t.epoch) for t in epoch] for epoch in told] == [
        [(f"t000{k}-s{k % 2}", epoch) for k in range(3)] for epoch in (1, 2, 3)
    ]
    for t in (t for epoch in told for t in epoch):
        assert set(t.metrics) == METRICS - set(COSTS_OF_MODEL if t.epoch > 1 else ())
        assert t.failure is None
        assert t.metrics["generalization_gap_loss"] == pytest.approx(
            t.metrics["val_loss"] - t.metrics["train_loss"]
        )
        assert t.metrics["generalization_gap_accuracy"] == pytest.approx(
            t.metrics["train_accuracy"] - t.metrics["val_accuracy"]
        )


@pytest.mark.parametrize("workload", ["mlp", "cnn", "recurrent"])
def test_going_on_from_checkpoints_equals_an_uninterrupted_leg(tmp_path: Path, workload: str) -> None:
    whole = runner(tmp_path / "a", workload)
    expected = run(whole, leg(0, 4, members(workload)))[-1]
    begun = runner(tmp_path / "b", workload)
    run(begun, leg(0, 2, members(workload)))
    uris = [saved.uri for saved in begun.save()]
    onward = [replace(member, checkpoint=uri) for member, uri in zip(members(workload), uris, strict=True)]
    resumed = runner(tmp_path / "b", workload)
    found = run(resumed, leg(2, 4, onward))[-1]
    for one, other in zip(found, expected, strict=True):
        assert (one.key, one.epoch) == (other.key, other.epoch)
        assert one.metrics["val_loss"] == pytest.approx(other.metrics["val_loss"], rel=1e-5)
    for one, other in zip(resumed.save(), whole.save(), strict=True):
        assert_close(checkpoint.load(one.uri)[1].model, checkpoint.load(other.uri)[1].model)


def test_a_member_can_go_on_from_another_ones_weights_with_its_own_numbers(tmp_path: Path) -> None:
    lane = runner(tmp_path)
    run(lane, leg(0, 1, members()))
    giver = lane.save()[0].uri
    taker = replace(members()[2], params={**SMALL, "lr": 1e-9, "dropout": 0.0}, checkpoint=giver)
    run(lane, leg(1, 2, [taker]))
    (saved,) = lane.save()
    assert_close(checkpoint.load(saved.uri)[1].model, checkpoint.load(giver)[1].model, atol=1e-6, rtol=0)
    assert checkpoint.progress(saved.uri).params["lr"] == 1e-9


def test_members_that_go_on_from_the_same_weights_part_by_their_learning_rates(tmp_path: Path) -> None:
    """One program: the source itself, one that took its weights over as they are, and one with another rate."""
    lane = runner(tmp_path)
    one, *_ = members(dropout=0.0)
    run(lane, leg(0, 2, [one]))
    giver = replace(one, checkpoint=lane.save()[0].uri)
    same = replace(giver, trial=1)
    other = replace(giver, trial=2, params={**giver.params, "lr": 0.1})
    (after,) = run(lane, leg(2, 3, [giver, same, other]))
    losses = [told.metrics["val_loss"] for told in after]

    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    assert abs(losses[2] - losses[0]) > 1e-3
    assert [checkpoint.progress(saved.uri).params["lr"] for saved in lane.save()] == [0.01, 0.01, 0.1]
    assert checkpoint.valid(giver.checkpoint), "nobody took the source's checkpoint away"


def test_a_diverging_member_is_told_once_and_leaves(tmp_path: Path) -> None:
    wild = members(optimizer="sgd")
    wild[1] = replace(wild[1], params={**wild[1].params, "lr": 1e30})
    lane = runner(tmp_path)
    told = run(lane, leg(0, 3, wild))
    failures = [(t.key, t.epoch) for epoch in told for t in epoch if t.failure]
    assert len(failures) == 1
    assert failures[0][0] == "t0001-s1"
    (failure,) = (t.failure for epoch in told for t in epoch if t.failure)
    assert failure.kind == "diverged"
    assert [t.key for t in told[-1]] == ["t0000-s0", "t0002-s0"]
    assert all(math.isfinite(t.metrics["val_loss"]) for t in told[-1])
    assert [saved.key for saved in lane.save()] == ["t0000-s0", "t0002-s0"]


@pytest.mark.parametrize(("floor", "kept"), [(None, 2), (1e9, 2), (-1.0, 0)])
def test_at_the_horizon_only_the_best_keep_checkpoints(tmp_path: Path, floor: float | None, kept: int) -> None:
    lane = runner(tmp_path)
    told = run(lane, replace(leg(0, 9, members()), keep=2, floor=floor))
    losses = {t.key: min(epoch[k].metrics["val_loss"] for epoch in told) for k, t in enumerate(told[-1])}
    saved = lane.save()
    assert [(s.key, s.epoch) for s in saved] == [(member.key, 9) for member in members()], "all are told"
    assert {s.key for s in saved if s.uri} == set(sorted(losses, key=losses.__getitem__)[:kept])
    assert len(checkpoint.found(str(tmp_path))) == kept


def test_before_the_horizon_all_keep_checkpoints(tmp_path: Path) -> None:
    lane = runner(tmp_path)
    run(lane, replace(leg(0, 3, members()), keep=1, floor=-1.0))
    assert all(saved.uri for saved in lane.save())


def test_members_that_cannot_work_are_told_so_and_the_lane_goes_on(tmp_path: Path) -> None:
    lane = runner(tmp_path, "cnn")
    (told,) = run(lane, leg(0, 3, members("cnn", padding="valid", kernel_size=5)))
    assert [t.key for t in told] == ["t0000-s0", "t0001-s1", "t0002-s0"]
    assert {t.failure for t in told} == {
        FailureReason(
            "infeasible",
            "block 1, convolution 1: a window of 5 x 5 without padding does not fit on maps of 4 x 4 "
            "(fewer blocks or convolutions, a smaller kernel_size or stride, or padding: same)",
        )
    }
    assert lane.save() == []
    assert len(run(lane, leg(0, 2, members("cnn")))) == 2


def test_a_leg_whose_members_all_diverge_is_done(tmp_path: Path) -> None:
    lane = runner(tmp_path)
    told = run(lane, leg(0, 3, [replace(members()[0], params={**SMALL, "optimizer": "sgd", "lr": 1e30})]))
    assert told[-1][0].failure
    assert lane.save() == []


def test_final_legs_are_scored_with_the_weights_of_the_best_validation_epoch(tmp_path: Path) -> None:
    lane = runner(tmp_path)
    wild = [replace(m, params={**m.params, "lr": 0.3, "optimizer": "sgd"}) for m in members()]
    told = run(lane, leg(0, 5, wild, "final"))
    uris = [saved.uri for saved in lane.save()]
    test = blobs(30, 2)
    for k, scored in enumerate(lane.score()):
        losses = [epoch[k].metrics["val_loss"] for epoch in told]
        assert scored.best_epoch == 1 + int(np.argmin(losses))
        assert scored.metrics["val_loss"] == min(losses)
        module, example = export("mlp", uris[k], search_data())
        assert example.dtype == np.uint8
        logits = module(tensor(test.x))
        loss = torch.nn.functional.cross_entropy(logits, tensor(test.y))
        assert scored.metrics["test_loss"] == pytest.approx(float(loss), rel=1e-5, abs=1e-6)
        hits = (logits.argmax(1) == tensor(test.y)).float().mean()
        assert scored.metrics["test_accuracy"] == pytest.approx(float(hits))


def test_best_weights_survive_a_checkpoint(tmp_path: Path) -> None:
    lane = runner(tmp_path)
    run(lane, leg(0, 2, members(), "final"))
    onward = [replace(m, checkpoint=s.uri) for m, s in zip(members(lr=1e-12), lane.save(), strict=True)]
    before = lane.score()
    run(lane, leg(2, 3, [replace(m, params={**m.params, "lr": 5.0, "optimizer": "adam"}) for m in onward], "final"))
    assert lane.score() == before


def test_an_exported_table_model_takes_missing_values(tmp_path: Path) -> None:
    search = search_data(image=False)
    lane = runner(tmp_path, search=search)
    run(lane, leg(0, 1, members()))
    module, example = export("mlp", lane.save()[0].uri, search)
    holes = example.copy()
    holes[0, 3] = np.nan
    filled = example.copy()
    filled[0, 3] = np.median(search.train.x[:, 3])
    assert_close(module(tensor(holes)), module(tensor(filled)))


@pytest.mark.parametrize(
    "damage", ["no state", "no weights", "cut weights", "cut state", "other weights", "not json"]
)
def test_a_torn_checkpoint_is_known_and_refused(tmp_path: Path, damage: str) -> None:
    lane = runner(tmp_path)
    run(lane, leg(0, 1, members()))
    uri, other = (saved.uri for saved in lane.save()[:2])
    assert checkpoint.valid(uri)
    state, weights = Path(uri, "state.json"), Path(uri, "weights.pt")
    match damage:
        case "no state":
            state.unlink()
        case "no weights":
            weights.unlink()
        case "cut weights":
            weights.write_bytes(weights.read_bytes()[:-10])
        case "cut state":
            state.write_bytes(state.read_bytes()[:40])
        case "other weights":
            weights.write_bytes(Path(other, "weights.pt").read_bytes())
        case "not json":
            state.write_bytes(b"[]")
    assert not checkpoint.valid(uri)
    with pytest.raises(TornCheckpoint, match="e0001"):
        runner(tmp_path).start(leg(1, 2, [replace(members()[0], checkpoint=uri)]))


def test_checkpoints_live_under_a_uri_and_are_deleted(tmp_path: Path) -> None:
    for root in (f"file://{tmp_path}/local", "memory://paceline/checkpoints", f"{tmp_path}/plain"):
        lane = runner(root)
        run(lane, leg(0, 1, members()))
        (uri, *_) = (saved.uri for saved in lane.save())
        assert uri == f"{root}/t0000-s0/e0001"
        assert checkpoint.progress(uri).epoch == 1
        checkpoint.delete(uri)
        assert not checkpoint.valid(uri)
        checkpoint.delete(uri)


def test_the_readable_state_holds_what_people_ask_for(tmp_path: Path) -> None:
    lane = runner(tmp_path)
    run(lane, leg(0, 2, members()))
    state = json.loads(Path(lane.save()[1].uri, "state.json").read_text())
    assert (state["epoch"], state["seed"], state["params"]["lr"]) == (2, 1, 0.02)
    assert state["best_epoch"] in (1, 2)


def test_validity_is_checked_without_torch(tmp_path: Path) -> None:
    lane = runner(tmp_path)
    run(lane, leg(0, 1, members()))
    code = (
        "import sys; from workloads.legs.checkpoint import valid; print(valid(sys.argv[1]), 'torch' in sys.modules)"
    )
    uri = lane.save()[0].uri
    output = subprocess.run([sys.executable, "-c", code, uri], capture_output=True, text=True, check=True)
    assert output.stdout.split() == ["True", "False"]


def test_read_only_arrays_train_without_a_warning(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    search = search_data()
    for array in (search.train.x, search.train.y, search.val.x, search.val.y):
        array.flags.writeable = False
    resident(search, torch.device("cpu"))
    run(runner(tmp_path, search=search), leg(0, 1, members()))
    assert not [w for w in recwarn if "writable" in str(w.message)]
