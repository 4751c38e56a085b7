"""The recurrent workload on everything that it reads: fused as plain, resumed as whole, written, refused."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from search_spaces.race.legs import Leg, Member
from search_spaces.types.objective import Objective
from tests.helpers.fused_and_plain import agree
from tests.helpers.sequence_data import monthly, sequence_setup, series, text
from tests.helpers.soak import pairs
from tests.helpers.workload_data import search_data, train
from workloads.arrays import DataShape, Infeasible
from workloads.champion.export import export
from workloads.data.prepare import Arrays
from workloads.data.search_data import SearchData
from workloads.data.statistics import fit
from workloads.legs.runner import LegRunner, LegSetting
from workloads.models.recurrent.network import Steps
from workloads.models.recurrent.sample_text import MARK, NUM_CHARACTERS
from workloads.models.recurrent.workload import CELL_NAMES, RecurrentHyperparameters
from workloads.registry import workload
from workloads.training.batches import resident, tensor
from workloads.training.plain_loop import PlainLoop
from workloads.training.setup import Setup, Trainee

KINDS: dict[str, Callable[[Path], SearchData]] = {
    "image": lambda _: search_data(),
    "table": lambda _: search_data(image=False),
    "text": lambda folder: text(folder).search,
    "series": lambda folder: series(folder).search,
}


def setup(kind: str, folder: Path, dtype: torch.dtype = torch.float64) -> Setup:
    search = KINDS[kind](folder)
    return Setup(workload("recurrent"), resident(search, torch.device("cpu"), dtype))


def member(seed: int = 0, **params: Any) -> Trainee:
    small: dict[str, Any] = {"batch_size": 8, "lr": 0.002, "width": 4, "heads": 2, "depth": 2}
    return Trainee(seed, RecurrentHyperparameters(**{**small, **params}))


@pytest.mark.parametrize(("cell", "kind"), pairs(CELL_NAMES, KINDS))
def test_a_fused_cohort_agrees_with_plain_trainings(cell: str, kind: str, tmp_path: Path) -> None:
    rates = ((0.001, 0.0), (0.002, 0.3), (0.004, 0.6))
    agree(setup(kind, tmp_path), [member(cell=cell, lr=lr, dropout=dropout) for lr, dropout in rates])


@pytest.mark.parametrize("kind", KINDS)
def test_members_of_different_seeds_agree_with_plain_trainings(kind: str, tmp_path: Path) -> None:
    agree(setup(kind, tmp_path), [member(seed, lr=0.001 * (1 + seed)) for seed in (3, 1, 3)])


@pytest.mark.parametrize("params", [{"bidirectional": True}, {"bptt": 2}])
@pytest.mark.parametrize("cell", CELL_NAMES)
def test_both_directions_and_truncation_can_be_fused(cell: str, params: dict[str, Any], tmp_path: Path) -> None:
    agree(setup("image", tmp_path), [member(cell=cell, lr=lr, **params) for lr in (0.001, 0.004)])


@pytest.mark.parametrize(("cell", "kind"), pairs(CELL_NAMES, KINDS))
def test_a_resumed_training_equals_an_uninterrupted_one_and_learns(cell: str, kind: str, tmp_path: Path) -> None:
    shared, one = setup(kind, tmp_path), member(cell=cell, lr=0.01, dropout=0.1, width=16)
    whole, begun, resumed = (PlainLoop(shared, one) for _ in range(3))
    records = train(whole, 6)
    train(begun, 3)
    resumed.load(0, begun.state(0))
    resumed.epoch_done = 3
    assert train(resumed, 3)[-1][0]["val_loss"] == pytest.approx(records[-1][0]["val_loss"], rel=1e-9)
    assert records[-1][0]["train_loss"] < records[0][0]["train_loss"]


def test_a_batch_of_one_and_a_single_window_train(tmp_path: Path) -> None:
    shared = setup("series", tmp_path)
    assert math.isfinite(PlainLoop(shared, member(batch_size=1)).epoch()[0]["train_loss"])
    alone = dataclasses.replace(shared.data, x_train=shared.data.x_train[:1], y_train=shared.data.y_train[:1])
    assert math.isfinite(PlainLoop(Setup(shared.workload, alone), member()).epoch()[0]["train_loss"])


def test_rows_of_an_image_are_steps_with_all_their_channels() -> None:
    images = torch.arange(2 * 3 * 4 * 5).view(2, 3, 4, 5)
    found = Steps()(images)
    assert found.shape == (2, 4, Steps.num_inputs((3, 4, 5)))
    assert found[1, 2].tolist() == [int(v) for c in range(3) for v in images[1, c, 2]]
    assert Steps()(images[:, 0, 0]).shape == (2, 5, Steps.num_inputs((5,)))


def ordered(num_rows: int, seed: int) -> Arrays:
    """Six steps with one low and one high pulse: the class tells which came first."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(0, 0.1, (num_rows, 6)), rng.integers(0, 2, num_rows)
    for row, kind in enumerate(y):
        first, second = sorted(rng.choice(6, 2, replace=False))
        x[row, first], x[row, second] = (1.0, -1.0) if kind else (-1.0, 1.0)
    return Arrays(x, y)


@pytest.mark.parametrize("cell", CELL_NAMES)
def test_the_order_of_steps_is_learned_where_no_bag_of_values_tells(cell: str) -> None:
    train_part = ordered(200, 0)
    search = SearchData(train_part, ordered(100, 1), fit(train_part.x), 2)
    loop = PlainLoop(
        Setup(workload("recurrent"), resident(search, torch.device("cpu"))),
        member(cell=cell, lr=0.01, width=16, batch_size=20, depth=1),
    )
    assert max(record[0]["val_accuracy"] for record in train(loop, 20)) >= 0.95


def test_clipping_is_seen_in_the_gradient_norm_where_it_explodes(tmp_path: Path) -> None:
    """Weights a half larger than orthogonal ones, over 36 steps; logged is the norm before clipping."""
    search = series(tmp_path, monthly(280), window=36, horizon=1).search
    shared = Setup(workload("recurrent"), resident(search, torch.device("cpu")))
    params = {"optimizer": "sgd", "momentum": 0.0, "lr": 0.2, "init": "orthogonal", "init_gain": 1.5}

    def norms(clip_norm: float) -> list[float]:
        one = member(cell="rnn", depth=1, width=16, clip_norm=clip_norm, **params)
        return [record["grad_norm"] for (record,) in train(PlainLoop(shared, one), 3)]

    free, clipped = norms(0.0), norms(1.0)
    assert not all(math.isfinite(norm) and norm < 1e6 for norm in free)
    assert 1 < clipped[0] < 100 and clipped[-1] < clipped[0]


@pytest.mark.parametrize(("problem", "example"), [("language", (8,)), ("forecast", (8, 1))])
def test_nothing_reads_what_comes_next(problem: Any, example: tuple[int, ...]) -> None:
    hp = RecurrentHyperparameters(bidirectional=True)
    with pytest.raises(Infeasible, match="bidirectional must be false for a"):
        workload("recurrent").build(hp, DataShape(example, 3, problem))


def test_a_relative_forecast_begins_at_the_last_value_of_the_window(tmp_path: Path) -> None:
    shared = setup("series", tmp_path)
    own, whole = (shared.build(member(relative=relative)) for relative in (False, True))
    x = shared.data.x_val
    assert_close(whole(x), own(x) + x[:, -1])
    agree(shared, [member(relative=False, lr=lr) for lr in (0.001, 0.004)])


def test_heads_that_do_not_divide_the_width_are_refused_by_name_and_size() -> None:
    hp = RecurrentHyperparameters(cell="transformer", width=10, heads=4)
    with pytest.raises(Infeasible, match="attention layers' 4 heads must divide their width 10"):
        workload("recurrent").build(hp, DataShape((8, 1), 3))


@pytest.mark.parametrize("cell", CELL_NAMES)
def test_a_text_is_written_on_and_without_training_it_is_noise(cell: str, tmp_path: Path) -> None:
    shared = sequence_setup(text(tmp_path), torch.float32)
    one = member(cell=cell, lr=0.01, width=32)
    loop = PlainLoop(shared, one)
    show = workload("recurrent").exhibit
    assert show is not None
    raw = show(shared, loop.model.eval(), 0)["samples/epoch_0000.txt"].decode()
    records = train(loop, 30)
    (path, content), *_ = show(shared, loop.model.eval(), 30).items()
    assert path == "samples/epoch_0030.txt"
    told, new = content.decode().split(MARK)
    assert len(told) == 8 and len(new) == NUM_CHARACTERS + 1
    words = {"north", "wind", "doth", "blow,", "shall", "have", "snow."}
    assert len(words & set(new.split())) > len(words & set(raw.split()))
    assert records[-1][0]["val_bits_per_character"] < 1.5
    assert show(shared, loop.model, 30)["samples/epoch_0030.txt"] == content, "equal texts are written on alike"
    with torch.no_grad():
        for weights in loop.model.parameters():
            weights.zero_()
    later = replace(shared, data=replace(shared.data, x_val=shared.data.x_val[1:], y_val=shared.data.y_val[1:]))
    drawn = [show(of, loop.model, 0)["samples/epoch_0000.txt"].decode().split(MARK)[1] for of in (shared, later)]
    assert drawn[0] != drawn[1], "other texts have other draws"


def test_only_texts_are_written_on(tmp_path: Path) -> None:
    shared = setup("series", tmp_path)
    show = workload("recurrent").exhibit
    assert show is not None and show(shared, shared.build(member()), 1) == {}


@pytest.mark.parametrize("kind", ["text", "series"])
def test_a_final_member_is_scored_on_the_locked_part_as_its_export_predicts(kind: str, tmp_path: Path) -> None:
    prepared = (text if kind == "text" else series)(tmp_path)
    objective = "val_bits_per_character" if kind == "text" else "val_rmse"
    setting = LegSetting("recurrent", Objective(objective, "minimize"), str(tmp_path / "saved"), device="cpu")
    lane = LegRunner(setting, prepared.search, prepared.test)
    params = {"batch_size": 8, "width": 8, "lr": 0.02}
    both = tuple(Member(trial=k, seed=0, params={**params, "lr": 0.02 / (1 + k)}) for k in range(2))
    lane.start(Leg(id=0, start=0, stop=2, horizon=2, members=both, purpose="final"))
    while not lane.done:
        lane.epoch()
    saved, scored = lane.save()[0], lane.score()[0]
    module, example = export("recurrent", saved.uri, prepared.search)
    outputs = module(tensor(prepared.test.x))
    assert module(tensor(example)).shape[0] == len(example)
    if kind == "text":
        counted = tensor(prepared.test.y) >= 0
        labels = tensor(prepared.test.y)[counted]
        nats = torch.nn.functional.cross_entropy(outputs[counted], labels)
        assert scored.metrics["test_bits_per_character"] == pytest.approx(float(nats) / math.log(2), rel=1e-5)
    else:
        rmse = (outputs - tensor(prepared.test.y)).square().mean().sqrt()
        assert scored.metrics["test_rmse"] == pytest.approx(float(rmse), rel=1e-5)
        assert scored.metrics["test_naive_rmse"] > 0
