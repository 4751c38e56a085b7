"""Boosted trees: scikit-learn's own, grown by epochs, resumed, saved without pickle, served on raw rows."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from threadpoolctl import ThreadpoolController

from cluster.sweep.data_process import check_first
from cluster.sweep.limits.memory import Trainings, foreseen
from search_spaces.race.legs import Leg, Member
from search_spaces.spec.data import Data
from search_spaces.spec.sweep import parse_sweep
from search_spaces.types.faults import SpecError
from search_spaces.types.objective import Objective
from tests.helpers.baseline_data import table
from tests.helpers.paths import ROOT
from tests.helpers.table_files import COLUMNS, mixed, write_mixed
from workloads.arrays import DataError, DataShape, Infeasible
from workloads.champion.inspection import inspect
from workloads.champion.table_model import TableModel, load, table_model
from workloads.champion.winner import Subject
from workloads.data.prepare import prepare
from workloads.data.search_data import Prepared
from workloads.legs import checkpoint
from workloads.legs.runner import LegRunner, LegSetting
from workloads.memory_need import Room
from workloads.models.boosted_trees.ensemble import Ensemble, threads
from workloads.models.boosted_trees.hyperparameters import BoostedTreesHyperparameters
from workloads.models.boosted_trees.loop import BoostingLoop
from workloads.models.boosted_trees.workload import BOOSTED_TREES
from workloads.registry import catalogue
from workloads.training.setup import Setup, Trainee

LOSS = Objective("val_loss", "minimize")
PARAMS: dict[str, Any] = {"max_features": 0.5, "min_samples_leaf": 3, "iterations_per_epoch": 2}


@pytest.fixture
def pets(tmp_path: Path) -> Prepared:
    return prepare(Data(csv=write_mixed(tmp_path), target="kind", columns=COLUMNS))


def loop_of(prepared: Prepared, seed: int = 0, **params: Any) -> BoostingLoop:
    hp = BoostedTreesHyperparameters(**{**PARAMS, **params})
    data = BOOSTED_TREES.data(hp, prepared.search, torch.device("cpu"), torch.float32)
    return BoostingLoop(Setup(BOOSTED_TREES, data, LOSS), Trainee(seed, hp))


def runner(folder: Path, prepared: Prepared, objective: Objective = LOSS) -> LegRunner:
    setting = LegSetting("boosted_trees", objective, str(folder), device="cpu")
    return LegRunner(setting, prepared.search, prepared.test)


def leg(start: int, stop: int, uri: str | None = None, purpose: Any = "search") -> Leg:
    member = Member(trial=0, seed=3, params=PARAMS, checkpoint=uri)
    return Leg(id=0, start=start, stop=stop, horizon=4, members=(member,), purpose=purpose)


def run(lane: LegRunner, work: Leg) -> list[dict[str, float]]:
    lane.start(work)
    told = []
    while not lane.done:
        told += lane.epoch()
    assert not any(one.failure for one in told), told
    return [{k: v for k, v in one.metrics.items() if k.startswith(("val", "train_l"))} for one in told]


def champion(folder: Path, prepared: Prepared) -> tuple[str, TableModel]:
    lane = runner(folder, prepared)
    run(lane, leg(0, 4, purpose="final"))
    uri = lane.save()[0].uri
    assert uri is not None
    return uri, table_model("boosted_trees", uri, prepared.search)[0]


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_training_that_is_gone_on_with_is_the_training_in_one_piece(
    cut: int, pets: Prepared, tmp_path: Path
) -> None:
    whole = run(runner(tmp_path / "whole", pets), leg(0, 4))
    first = runner(tmp_path / "parts", pets)
    parts = run(first, leg(0, cut))
    uri = first.save()[0].uri
    parts += run(runner(tmp_path / "parts", pets), leg(cut, 4, uri))
    assert parts == whole
    assert len({one["val_loss"] for one in whole}) == 4


def test_folds_go_on_too_and_a_member_takes_another_s_trees_with_its_own_learning_rate(tmp_path: Path) -> None:
    how = {"csv": write_mixed(tmp_path), "target": "kind", "columns": COLUMNS, "split": {"folds": 3}}
    prepared = prepare(Data.model_validate(how))
    whole = run(runner(tmp_path / "whole", prepared), leg(0, 3))
    first = runner(tmp_path / "parts", prepared)
    run(first, leg(0, 2))
    uri = first.save()[0].uri
    assert run(runner(tmp_path / "parts", prepared), leg(2, 3, uri)) == whole[2:]
    faster = leg(2, 3, uri)
    faster = replace(faster, members=(replace(faster.members[0], params={**PARAMS, "lr": 0.3}),))
    (one,) = run(runner(tmp_path / "parts", prepared), faster)
    assert one["train_loss"] < whole[2]["train_loss"]


def test_four_epochs_of_the_defaults_are_scikit_learns_defaults(pets: Prepared) -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier

    loop = loop_of(pets, max_features=1.0, min_samples_leaf=20, iterations_per_epoch=25)
    for _ in range(4):
        loop.epoch()
    kinds = [k < len(loop.setup.data.shape.categories) for k in range(loop.x.shape[1])]
    own = HistGradientBoostingClassifier(categorical_features=kinds, random_state=1).fit(loop.x, loop.y)
    rows = loop.setup.data.x_val
    np.testing.assert_array_equal(loop.model(rows)[:, 1], own.decision_function(rows.numpy()))


def test_seeds_draw_the_features_of_splits(tmp_path: Path) -> None:
    prepared = table(tmp_path, "label")

    def loss(seed: int, max_features: float = 0.3) -> float:
        return loop_of(prepared, seed, max_features=max_features).epoch()[0]["train_loss"]

    assert loss(1) == loss(1) != loss(2)
    assert loss(1, 1.0) == loss(2, 1.0)


def test_columns_stay_as_they_are(pets: Prepared) -> None:
    data = loop_of(pets).setup.data
    train = pets.search.train
    colour = [column.name for column in train.columns].index("colour")
    codes = data.x_train[:, 0].numpy()
    assert data.x_train.dtype == torch.float64 and len(data.shape.categories) == 1
    np.testing.assert_array_equal(np.isnan(codes), np.isnan(train.x[:, colour]))
    assert set(codes[~np.isnan(codes)]) == {0.0, 1.0, 2.0}
    weight = [column.name for column in train.columns].index("weight")
    assert any(np.array_equal(column, train.x[:, weight], equal_nan=True) for column in data.x_train.numpy().T)


def towns(folder: Path, num_rows: int = 1600) -> Prepared:
    """Rows of which a town of 400 tells the target: 0, 1 and so on."""
    town = np.arange(num_rows) % 400
    frame = pd.DataFrame({"town": [f"T{t}" for t in town], "size": np.arange(num_rows) % 7, "y": (town < 40) * 1})
    frame.to_csv(folder / "towns.csv", index=False)
    return prepare(
        Data.model_validate({"csv": str(folder / "towns.csv"), "target": "y", "columns": {"town": "category"}})
    )


def test_of_too_many_categories_the_rarest_are_one_and_that_is_told(tmp_path: Path) -> None:
    prepared = towns(tmp_path)
    told = check_first("boosted_trees", {}, prepared.search)
    assert told == "column 'town' (396): the 254 most frequent categories stay, all others are one (max_bins)"
    loop = loop_of(prepared)
    assert loop.setup.data.shape.categories == (255,)
    loop.epoch()
    assert loop_of(prepared, max_bins=16).setup.data.shape.categories == (16,)


def test_a_quantile_is_predicted_and_judged_by_its_own_loss(tmp_path: Path) -> None:
    from sklearn.metrics import mean_pinball_loss

    prepared = table(tmp_path, "amount")
    found = {}
    for quantile in (0.1, 0.9):
        metric = f"val_pinball_{round(100 * quantile)}"
        hp = BoostedTreesHyperparameters(loss="quantile", quantile=quantile, max_leaf_nodes=4)
        data = BOOSTED_TREES.data(hp, prepared.search, torch.device("cpu"), torch.float32)
        loop = BoostingLoop(Setup(BOOSTED_TREES, data, Objective(metric, "minimize")), Trainee(0, hp))
        record = loop.epoch()[0]
        values = loop.model(data.x_val)[:, 0].numpy() * data.shape.target_std + data.shape.target_mean
        own = mean_pinball_loss(prepared.search.val.y[:, 0], values, alpha=quantile)
        assert record[metric] == pytest.approx(own, rel=1e-6)
        assert record["val_loss"] == pytest.approx(own / data.shape.target_std, rel=1e-6), "what is fitted"
        found[quantile] = (prepared.search.train.y[:, 0] <= loop.model.estimators[0].predict(loop.x)).mean()
    assert found[0.1] < 0.3 < 0.7 < found[0.9]


def test_the_metric_of_a_quantile_is_told(tmp_path: Path) -> None:
    search = table(tmp_path, "amount").search
    told = check_first("boosted_trees", {"loss": "quantile", "quantile": 0.9}, search)
    assert told is not None and "0.9 quantile of the target is predicted, which val_pinball_90 judges" in told
    told = check_first("boosted_trees", {"loss": "quantile", "quantile": 0.42}, search)
    assert told is not None and "no metric judges exactly (val_pinball_50 comes nearest)" in told
    assert check_first("boosted_trees", {"quantile": 0.9}, search) is None


def test_memory_is_told_of_large_tables_alone_and_refused_where_the_rows_do_not_fit(pets: Prepared) -> None:
    wanted = Trainings([{}], Room(worker_bytes=100.0), gpu=False)
    with pytest.raises(DataError, match="of rows and bins for 102 rows of 6 columns do not fit: a worker has"):
        foreseen(BOOSTED_TREES, wanted, pets.search)
    assert foreseen(BOOSTED_TREES, replace(wanted, room=Room(worker_bytes=1e9)), pets.search) == []
    assert foreseen(BOOSTED_TREES, wanted, pets.search.shape()) == []  # as long as no data is read
    many = replace(pets.search, train=pets.search.train.take(np.zeros(50_000, dtype=int)))
    (line,) = foreseen(BOOSTED_TREES, replace(wanted, room=Room(worker_bytes=2e9)), many)
    assert "of copies and gradients beside; a worker has 1.9 GiB" in line
    warned = foreseen(BOOSTED_TREES, replace(wanted, room=Room(worker_bytes=1e8)), many)[1]
    assert "may not be enough for 50,018 rows of 6 columns: ways out are fewer columns" in warned


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "poisson", "gamma"])
def test_numbers_are_predicted_in_their_own_units(loss: str, tmp_path: Path) -> None:
    given = table(tmp_path, "amount")
    train, val = (replace(part, y=np.abs(part.y) + 1) for part in (given.search.train, given.search.val))
    prepared = replace(given, search=replace(given.search, train=train, val=val))
    loop = loop_of(prepared, loss=loss, iterations_per_epoch=20)
    record = loop.epoch()[0]
    assert record["train_rmse"] < 0.6 * float(prepared.search.train.y.std())
    np.testing.assert_allclose(loop.y, prepared.search.train.y, rtol=1e-12)


def test_losses_that_cannot_be_of_a_target_are_refused_before_the_start(tmp_path: Path) -> None:
    prepared = table(tmp_path, "amount")
    train = prepared.search.train
    search = replace(prepared.search, train=replace(train, y=train.y - train.y.min()))
    check_first("boosted_trees", {"loss": "poisson"}, search)
    loop_of(replace(prepared, search=search), loss="poisson").epoch()
    with pytest.raises(DataError, match="gamma needs targets above 0, received 0: take poisson"):
        check_first("boosted_trees", {"loss": "gamma"}, search)
    with pytest.raises(Infeasible, match="poisson needs targets of at least 0, received -1"):
        loop_of(replace(prepared, search=replace(search, train=replace(train, y=train.y * 0 - 1))), loss="poisson")


def test_what_has_no_effect_is_refused(pets: Prepared, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"parameters\.loss: has no effect on classification, only on regression"):
        check_first("boosted_trees", {"loss": "poisson"}, pets.search)
    with pytest.raises(DataError, match=r"parameters\.class_weights: has no effect on regression"):
        check_first("boosted_trees", {}, table(tmp_path, "amount").search, ["class_weights"])
    head = "workload: boosted_trees\ndata: {name: wine}\n"
    for key, rule in (("workers: 2", "must be 1"), ("gpus: 1", "must be 0")):
        with pytest.raises(SpecError, match=f"{rule}: boosted_trees is trained by one process on processors"):
            parse_sweep(f"{head}resources: {{{key}}}", "sweep.yaml", tmp_path, catalogue=catalogue())
    with pytest.raises(SpecError, match="did you mean 'lr'"):
        parse_sweep(f"{head}parameters: {{learning_rate: 0.1}}", "sweep.yaml", tmp_path, catalogue=catalogue())


def test_a_class_without_training_rows_is_nearly_impossible() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(90, 2)), np.arange(90) % 2 * 2
    model = Ensemble(BoostedTreesHyperparameters(), DataShape((2,), 3))
    model.grow(x, y, 3, 0)
    shares = model(torch.from_numpy(x)).softmax(1)
    torch.testing.assert_close(shares.sum(1), torch.ones(90, dtype=torch.float64))
    assert 0 < shares[:, 1].max() < 1e-15
    with pytest.raises(Infeasible, match="all training rows are of one class"):
        Ensemble(BoostedTreesHyperparameters(), DataShape((2,), 2)).grow(x, y * 0, 1, 0)


def test_balanced_weights_find_more_of_a_rare_class() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 3))
    y = (x[:, 0] + rng.normal(size=600) > 2.2).astype(int)

    def found(weights: str) -> int:
        model = Ensemble(BoostedTreesHyperparameters(class_weights=weights, max_leaf_nodes=4), DataShape((3,), 2))
        model.grow(x, y, 10, 0)
        return int(model(torch.from_numpy(x)).argmax(1).sum())

    assert found("balanced") > 2 * found("none")


def test_a_checkpoint_holds_no_other_code(pets: Prepared, tmp_path: Path) -> None:
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    loop = loop_of(pets)
    loop.epoch()
    strange = torch.frombuffer(bytearray(skops.io.dumps([subprocess.Popen])), dtype=torch.uint8)
    with pytest.raises(UntrustedTypesFoundException, match="Popen"):
        loop.load(0, replace(loop.state(0), model={"_extra_state": strange}))
    saved = champion(tmp_path, pets)[0]
    assert {value.dtype for value in checkpoint.load(saved)[1].model.values()} == {torch.uint8}


def test_trees_take_the_lanes_threads(pets: Prepared) -> None:
    before = torch.get_num_threads()
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            loop_of(pets).epoch()
            with threads():
                used = ThreadpoolController().select(user_api="openmp").info()
            assert {one["num_threads"] for one in used} == {count}
    finally:
        torch.set_num_threads(before)


SERVE = """
import sys, pandas
from workloads.champion.table_model import load
load(sys.argv[1]).predict(pandas.read_csv(sys.argv[2])).to_csv(sys.argv[3])
"""


def test_the_champion_takes_rows_in_words_and_predicts_the_same_elsewhere(pets: Prepared, tmp_path: Path) -> None:
    uri, model = champion(tmp_path / "c", pets)
    rows = mixed(40, seed=5).drop(columns="kind")
    rows.loc[0, "colour"] = "turquoise"
    rows.to_csv(tmp_path / "rows.csv", index=False)
    rows = pd.read_csv(tmp_path / "rows.csv")
    here = model.predict(rows)
    assert set(here["prediction"]) == {"cat", "dog"}
    model.save(tmp_path / "model")
    pd.testing.assert_frame_equal(load(tmp_path / "model").predict(rows), here)
    command = [sys.executable, "-c", SERVE, *(str(tmp_path / name) for name in ("model", "rows.csv", "out.csv"))]
    subprocess.run(command, check=True, cwd=ROOT)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "out.csv", index_col=0), here)
    found = inspect(Subject(workload="boosted_trees", checkpoint=uri, objective=LOSS), pets.search, pets.test)
    assert not found.failed and found.confusion and found.importance and found.curves
    assert {one.column for one in found.importance} == {column.name for column in pets.search.train.columns}
