"""The champion of a table: takes rows as their owner has them, survives files, MLflow and a fresh process."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from search_spaces.race.legs import Leg, Member
from search_spaces.spec.data import Data
from search_spaces.types.objective import LOSS, Objective
from tests.helpers.paths import ROOT
from tests.helpers.small_sweep_in_mlflow import SWEEP, runs_of
from tests.helpers.table_files import COLUMNS, mixed, write_mixed
from workloads.arrays import DataError
from workloads.champion.table_model import PACKAGES, PREDICTION, TableModel, load, table_model
from workloads.champion.winner import Subject, outputs
from workloads.champion.winner import load as winner_of
from workloads.data.prepare import prepare
from workloads.data.search_data import Prepared
from workloads.legs.runner import LegRunner, LegSetting
from workloads.tables.columns import decode

PARAMS: dict[str, Any] = {"encoding": "embedding", "select": 20, "lr": 0.02, "width": 8, "batch_size": 16}


def winner(
    folder: Path, prepared: Prepared, objective: Objective = LOSS, name: str = "mlp", **params: Any
) -> tuple[str, dict[str, Any]]:
    """A checkpoint of a few epochs, and what it scored on the test split."""
    lane = LegRunner(LegSetting(name, objective, str(folder / "c"), device="cpu"), prepared.search, prepared.test)
    member = Member(trial=0, seed=3, params=params or PARAMS)
    lane.start(Leg(id=0, start=0, stop=6, horizon=6, members=(member,), purpose="final"))
    while not lane.done:
        lane.epoch()
    return lane.save()[0].uri, dict(lane.score()[0].metrics)


@pytest.fixture
def pets(tmp_path: Path) -> Prepared:
    return prepare(Data(csv=write_mixed(tmp_path), target="kind", columns=COLUMNS))


@pytest.fixture
def model(tmp_path: Path, pets: Prepared) -> TableModel:
    return table_model("mlp", winner(tmp_path, pets)[0], pets.search)[0]


OWN = {"name": "tests.helpers.networks:Odd", "kind": "drawn tensor"}
"""A network that draws more than its weights."""


@pytest.mark.parametrize("given", [{}, OWN])
def test_predictions_from_raw_rows_are_those_that_were_scored(tmp_path: Path, pets: Prepared, given: Any) -> None:
    uri, scored = winner(tmp_path, pets, **given)
    model, _ = table_model(given.get("name", "mlp"), uri, pets.search)
    model.save(tmp_path / "again")
    model = load(tmp_path / "again")
    rows = pd.read_csv(tmp_path / "pets.csv").iloc[pets.indices["test"]]
    found = model.predict(rows)
    assert (found[PREDICTION] == rows["kind"]).mean() == pytest.approx(scored["test_accuracy"])
    assert found.index.equals(rows.index)
    np.testing.assert_allclose(found[["cat", "dog"]].sum(axis=1), 1)
    likelihood = np.where(rows["kind"] == "dog", found["dog"], found["cat"])
    assert -np.log(likelihood).mean() == pytest.approx(scored["test_loss"], rel=1e-3)


def test_rows_come_in_many_forms(model: TableModel) -> None:
    rows = mixed(20, 5)
    expected = model.predict(rows)
    for form in (
        rows.drop(columns=["kind", "id"]),
        rows[rows.columns[::-1]],
        rows.to_dict("records"),
        rows.assign(born=rows["born"].astype(str), weight=rows["weight"].astype(str).replace("nan", "?")),
    ):
        np.testing.assert_array_equal(model.predict(form).to_numpy(), expected.to_numpy())
    strange = rows.assign(colour="green", note="never seen")
    assert model.predict(strange)[["cat", "dog"]].notna().all(axis=None)


def test_rows_that_do_not_fit_are_refused(model: TableModel) -> None:
    with pytest.raises(DataError, match="must have the column 'weight'"):
        model.predict(mixed(5).drop(columns=["weight"]))
    with pytest.raises(DataError, match="column 'weight' must hold numbers, received 'heavy'"):
        model.predict(mixed(5).assign(weight="heavy"))


def test_regression_in_the_target_s_units(tmp_path: Path) -> None:
    prepared = prepare(Data(name="diabetes"), "regression")
    uri, scored = winner(tmp_path, prepared, Objective("val_rmse", "minimize"))
    model, _ = table_model("mlp", uri, prepared.search)
    rows = decode(prepared.test.x, prepared.test.columns)
    error = model.predict(rows)[PREDICTION].to_numpy() - prepared.test.y[:, 0]
    assert np.sqrt(np.mean(error**2)) == pytest.approx(scored["test_rmse"], rel=1e-5)


def test_saved_files_hold_no_pickle_and_no_rows(tmp_path: Path, model: TableModel) -> None:
    model.save(tmp_path)
    again = load(tmp_path)
    rows = mixed(20, 5)
    pd.testing.assert_frame_equal(again.predict(rows), model.predict(rows))
    with pytest.raises((pickle.UnpicklingError, ValueError, KeyError)):
        pickle.loads((tmp_path / "pipeline.skops").read_bytes())
    card = json.loads((tmp_path / "model.json").read_text())
    assert [column["name"] for column in card["columns"]] == list(mixed().columns[1:-1])
    assert "moon" not in (tmp_path / "model.json").read_text()


def test_a_function_from_the_raw_matrix_to_outputs(tmp_path: Path, pets: Prepared) -> None:
    uri, scored = winner(tmp_path, pets)
    val = pets.search.val
    chosen = winner_of(Subject(workload="mlp", checkpoint=uri, objective=LOSS), pets.search)
    logits = outputs(chosen, val)["logits"]
    assert (logits.argmax(1) == val.y).mean() == pytest.approx(scored["val_accuracy"])
    shuffled = val.take(np.arange(len(val)))
    weight = pets.card.features.index("weight")
    shuffled.x[:, weight] = shuffled.x[::-1, weight].copy()
    assert not np.allclose(outputs(chosen, shuffled)["logits"], logits)


SERVE = """
import sys, mlflow, pandas
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model("models:/pets@champion")
model.predict(pandas.read_csv(sys.argv[2])).to_pickle(sys.argv[3])
"""


def test_the_registered_champion_predicts_the_same_in_a_fresh_process(
    tmp_path: Path, pets: Prepared, finished_uri: str
) -> None:
    from tracking.results.registered_model import Candidate, Example, Folder, register

    model, rows = table_model("mlp", winner(tmp_path, pets)[0], pets.search)
    (tmp_path / "model").mkdir()
    model.save(tmp_path / "model")
    run_id = runs_of(finished_uri)["t0002"][0].info.run_id
    candidate = Candidate(name="pets", sweep_id=SWEEP, run_id=run_id, metadata={})
    saved = Folder(str(tmp_path / "model"), "workloads.champion.table_model", PACKAGES)
    assert (
        register(finished_uri, candidate, saved, Example(rows, model.predict(rows))).uri == "models:/pets@champion"
    )
    csv = tmp_path / "new.csv"
    mixed(30, 9).assign(weight=lambda frame: frame["weight"].round()).to_csv(csv, index=False)
    command = [sys.executable, "-c", SERVE, finished_uri, str(csv), str(tmp_path / "found.pkl")]
    served = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert served.returncode == 0, served.stderr
    pd.testing.assert_frame_equal(pd.read_pickle(tmp_path / "found.pkl"), model.predict(pd.read_csv(csv)))
