"""What a user's function gets: loaders by seed and epoch, a table's rows in its own words, artifacts, its trial."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from search_spaces.race.legs import Leg, Member
from search_spaces.spec.data import Split
from search_spaces.types.objective import Objective
from tests.helpers.paths import ROOT
from tests.helpers.workload_data import search_data
from workloads.arrays import Arrays, Column, Infeasible
from workloads.data.search_data import SearchData
from workloads.data.splits import folds
from workloads.files import artifacts
from workloads.legs import exhibits
from workloads.legs.runner import LegRunner, LegSetting
from workloads.models.custom.loop import untouched
from workloads.models.custom.run import Run
from workloads.models.custom.run_parts.run_data import RunData
from workloads.models.custom.workload import workload_of

COLUMNS = (
    Column("size"),
    Column("colour", "category", ("red", "blue")),
    Column("day", "datetime"),
    Column("grade", "ordinal", ("low", "high")),
)
DAY = 1_700_000_000.0
X = np.array([[1.5, 0, DAY, 1], [2, 1, DAY + 0.5, 0], [np.nan, np.nan, np.nan, np.nan], [4, 1, 4e10, 1]], order="F")


def table(*, test: bool = False) -> SearchData:
    base = search_data(image=False)
    part = Arrays(np.asfortranarray(np.tile(X, (6, 1))), np.arange(24) % 2, COLUMNS)
    return replace(base, train=part, val=part.take(np.arange(4)), num_outputs=2, classes=("no", "yes"))


def data(search: SearchData, rank: int = 0, world_size: int = 1, epoch: int = 0) -> RunData:
    found = RunData(untouched(search))
    found.seed, found.epoch, found.rank, found.world_size = 3, epoch, rank, world_size
    return found


def rows_of(loader: Any) -> list[bytes]:
    return [row.numpy().tobytes() for x, _ in loader for row in x]


def test_loaders_give_all_rows_in_an_order_of_seed_and_epoch() -> None:
    run = data(search_data())
    train, val = run.loaders(8)
    drawn = torch.get_rng_state()
    first, again = rows_of(train), rows_of(train)
    assert first == again and sorted(first) == sorted(row.tobytes() for row in run.x_train)
    assert [len(y) for _, y in train] == [8] * 5 + [3] and len(train) == 6
    run.epoch = 1
    assert rows_of(train) != first and sorted(rows_of(train)) == sorted(first)
    run.epoch = 0
    assert rows_of(data(search_data()).loaders(8)[0]) == first == rows_of(train)
    assert rows_of(val) == [row.tobytes() for row in run.x_val]
    assert torch.equal(torch.get_rng_state(), drawn), "nothing is drawn from the global generators"
    x, y = next(iter(run.loaders(4, collate_fn=lambda batch: batch, drop_last=True)[0]))[0]
    assert x.dtype == torch.uint8 and y.dtype == torch.int64 and x.shape == (1, 4, 4)


def test_loaders_are_divided_among_workers() -> None:
    parts = [data(search_data(), rank, 3).loaders(5) for rank in range(3)]
    train = [rows_of(train) for train, _ in parts]
    assert [len(part) for part in train] == [14] * 3 and len({row for part in train for row in part}) == 42
    assert [len(rows_of(val)) for _, val in parts] == [4] * 3
    assert {row for _, val in parts for row in rows_of(val)} == set(rows_of(data(search_data()).loaders(5)[1]))


def test_rows_of_a_table_have_its_own_words() -> None:
    run = data(table())
    x_train, y_train, x_val, y_val = run.rows
    assert run.rows is run.rows and len(x_train) == 24 and list(x_val.columns) == ["size", "colour", "day", "grade"]
    assert x_val["colour"].tolist()[:2] == ["red", "blue"] and x_val["grade"].tolist()[:2] == ["high", "low"]
    assert x_val["day"].tolist()[:2] == [pd.Timestamp(DAY, unit="s"), pd.Timestamp(DAY + 0.5, unit="s")]
    assert x_val.isna().to_numpy()[2].all() and x_val["day"][3].year == 3237
    assert x_val["size"].dtype == "float64" and y_val.tolist() == ["no", "yes", "no", "yes"] and len(y_train) == 24
    with pytest.raises(RuntimeError, match="tables alone"):
        _ = data(search_data()).rows


def runner(
    train: Any, search: SearchData, folder: Path, monkeypatch: pytest.MonkeyPatch, test: Any = None
) -> LegRunner:
    monkeypatch.setattr("workloads.legs.runner.workload", lambda name: workload_of(name, train))
    return LegRunner(LegSetting("mine:t", Objective("val_accuracy", "maximize"), str(folder), "cpu"), search, test)


def leg(**more: Any) -> Leg:
    return Leg(id=0, start=0, stop=2, horizon=2, members=(Member(trial=7, seed=1, params={}),), **more)


def test_logged_files_are_exhibits_of_their_epoch_and_large_ones_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artifacts, "MAX_BYTES", 10)
    (tmp_path / "plots" / "deep").mkdir(parents=True)
    (tmp_path / "plots" / "deep" / "a.txt").write_text("123")
    (tmp_path / "large.bin").write_bytes(bytes(11))

    def train(run: Run) -> None:
        assert run.trial == 7
        run.log_artifact(tmp_path / "plots")
        run.report(val_accuracy=0.5)
        run.log_artifact(str(tmp_path / "large.bin"), "in/it")
        for path, into, kind in ((tmp_path / "gone", "", FileNotFoundError), (tmp_path, "../x", ValueError)):
            with pytest.raises(kind):
                run.log_artifact(path, into)
        run.report(val_accuracy=0.6)

    lane = runner(train, search_data(), tmp_path, monkeypatch)
    lane.start(leg())
    lane.epoch()
    [shown] = lane.exhibits()
    assert (shown.key, shown.path, shown.content) == ("t0007-s1", "plots/deep/a.txt", "MTIz")
    assert lane.exhibits() == [] and lane.take_messages() == []
    lane.epoch()
    assert [shown.path for shown in lane.exhibits()] == ["in/it/large.bin.left_out.txt"]
    assert "large.bin of 0.0 MiB is left out" in lane.take_messages()[0]


def test_the_artifacts_of_all_folds_and_of_a_leg_s_trials_are_bounded_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plot.png").write_bytes(b"12345678")

    def train(run: Run) -> None:
        run.log_artifact(tmp_path / "plot.png")
        run.report(val_accuracy=0.5)

    monkeypatch.setattr(artifacts, "MAX_BYTES", 20)
    search = search_data()
    classes = np.concatenate([search.train.y, search.val.y])
    lane = runner(train, replace(search, folds=folds(classes, Split(folds=3))), tmp_path, monkeypatch)
    lane.start(leg())
    lane.epoch()
    kept = {shown.path: len(base64.b64decode(shown.content)) for shown in lane.exhibits()}
    assert kept.pop("fold2/plot.png.left_out.txt") and kept == {"fold0/plot.png": 8, "fold1/plot.png": 8}
    [told] = lane.take_messages()
    assert told.startswith("fold2/plot.png of 0.0 MiB is left out: the artifacts of an epoch may have")

    monkeypatch.setattr(exhibits, "MAX_REPORT_BYTES", 10)
    lane = runner(train, search_data(), tmp_path, monkeypatch)
    lane.start(replace(leg(), members=tuple(Member(trial=k, seed=1, params={}) for k in (7, 8))))
    lane.epoch()
    assert [(shown.key, shown.path) for shown in lane.exhibits()] == [("t0007-s1", "plot.png")]
    told = "t008: artifact plot.png is left out: those of all trials that train together may have 0 MiB an epoch"
    assert lane.take_messages() == [told]


def test_predict_may_take_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[pd.DataFrame] = []

    def train(run: Run) -> None:
        for _ in range(run.epoch, run.num_epochs):
            run.report(lambda folder: (folder / "x").touch(), val_accuracy=0.5)

    def predict(folder: Path, x: pd.DataFrame) -> Any:
        seen.append(x)
        return (x["colour"] == "blue").to_numpy().astype(float)

    predict.takes, predict.returns = "rows", "classes"  # type: ignore[attr-defined]
    monkeypatch.setattr("tests.workloads.models.test_run.predict", predict, raising=False)
    unseen = (COLUMNS[0], replace(COLUMNS[1], values=("red", "blue", "green")), *COLUMNS[2:])
    test = Arrays(np.asfortranarray([[1, 2, DAY, 1], [1, 1, DAY, 1.0]]), np.array([0, 1]), unseen)
    lane = runner(train, table(), tmp_path, monkeypatch, test)
    lane.start(leg(purpose="final"))
    while not lane.done:
        lane.epoch()
    [scored] = lane.score()
    assert scored.metrics["test_accuracy"] == 1 and scored.metrics["val_accuracy"] == 0.5
    assert seen[-1]["colour"].tolist() == ["green", "blue"] and str(seen[-1]["day"].dtype) == "datetime64[ms]"
    with pytest.raises(Infeasible, match="no table"):
        runner(train, search_data(), tmp_path, monkeypatch)._workload.check(None, search_data().shape())  # type: ignore[misc]
    predict.takes = "row"  # type: ignore[attr-defined]
    with pytest.raises(LookupError, match="received 'row', did you mean rows"):
        workload_of("mine:t", train)


def test_what_the_page_names_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = set(re.findall(r"`run\.(\w+)", (ROOT / "docs" / "reference" / "run.md").read_text()))
    found: set[str] = set()

    def train(run: Run) -> None:
        found.update(name for name in [*dir(run), *vars(run)] if not name.startswith("_"))
        for _ in range(2):
            run.report(val_accuracy=0.5)

    lane = runner(train, search_data(), tmp_path, monkeypatch)
    lane.start(leg())
    lane.epoch()
    assert named - found == set() and len(named) > 15


def test_what_loaders_processes_draw_is_of_the_epoch_not_of_the_leg() -> None:
    def noise(run: RunData, *epochs: int) -> list[int]:
        train, _ = run.loaders(8, num_workers=0)
        return [iter_of(run, train, epoch) for epoch in epochs]

    def iter_of(run: RunData, train: Any, epoch: int) -> int:
        run.epoch = epoch
        return int(iter(train)._base_seed)

    whole = noise(data(search_data()), 0, 1, 2)
    assert noise(data(search_data()), 1, 2) == whole[1:] and len({*whole}) == 3
    other = data(search_data())
    other.seed = 4
    assert {*noise(other, 0, 1), *noise(data(search_data(), 1, 2), 0)}.isdisjoint(whole)


def test_an_example_for_a_collate_function_of_ones_own_is_a_copy() -> None:
    run = data(search_data())
    before = run.x_train.copy()
    for batch in run.loaders(8, collate_fn=lambda batch: batch)[0]:
        for x, _ in batch:
            x.zero_()
    assert (run.x_train == before).all()


def test_hyperparameters_named_as_ours_may_have_any_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def train(run: Run, *, lr: float | None = None, patience: str = "none", min_improvement: Any = None) -> None:
        for _ in range(run.epoch, run.num_epochs):
            run.report(val_accuracy=0.5)

    lane = runner(train, search_data(), tmp_path, monkeypatch)
    hp = {"lr": None, "patience": "none", "min_improvement": None}
    lane.start(Leg(id=0, start=0, stop=2, horizon=2, members=(Member(trial=7, seed=1, params=hp),)))
    assert lane.aboard[0].hp.lr is None and [lane.epoch()[0].failure for _ in range(2)] == [None, None]
