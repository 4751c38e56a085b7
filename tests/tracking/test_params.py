"""A trial's hyperparameters in MLflow: few and rounded to be read, all and exact to be computed with."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.helpers.small_sweep_in_mlflow import HEADER, SWEEP, open_writer, runs_of
from tracking import names
from tracking.results import table
from tracking.store.records import RunFacts

DEFAULTS: dict[str, Any] = {"width": 64, "optimizer": "adam", "nesterov": False, "pca": 0, "clip": None, "eps": 1.0}
PARAMS: dict[str, Any] = {**DEFAULTS, "lr": 5.08952353e-06, "width": 64, "eps": 0.123456789, "pca": False}
HEADER_OF_MANY = replace(HEADER, defaults=DEFAULTS)


def written(uri: str, spool: Path, params: dict[str, Any]) -> Any:
    """The run of a trial with these hyperparameters."""
    writer = open_writer(uri, spool, header=HEADER_OF_MANY)
    writer.trial("t0000", 0, "trial", params)
    writer.state("t0000", "done", {"best_val_accuracy": 0.5})
    assert writer.close(60)
    [run] = runs_of(uri)["t0000"]
    return run


def test_searched_and_changed_ones_are_params_and_all_are_exact(any_uri: str, tmp_path: Path) -> None:
    run = written(any_uri, tmp_path / "spool", PARAMS)
    assert run.data.params == {
        "lr": "5.09e-06",
        "width": "64",
        "optimizer": "adam",
        "eps": "0.1235",
        "pca": "False",
    }, "searched, or of another value than the default; False is not 0"
    assert json.loads(run.data.tags[names.TRIAL_PARAMS]) == PARAMS
    assert run.data.metrics["xparam.lr"] == 5.089524e-06 and not any("/" in name for name in run.data.metrics)
    assert max(run.data.metrics) > "val_z", "MLflow draws curves first, by name"
    found = table.trials(any_uri, SWEEP, "val_accuracy")
    assert set(PARAMS) <= set(found.columns)
    assert (found.lr[0], found.eps[0], found.width[0]) == (5.08952353e-06, 0.123456789, 64)


def test_without_room_in_the_tag_all_are_params_as_they_are(sqlite_uri: str, tmp_path: Path) -> None:
    long = {**PARAMS, "text": "x" * 9000}
    run = written(sqlite_uri, tmp_path / "spool", long)
    assert names.TRIAL_PARAMS not in run.data.tags
    assert set(run.data.params) == set(long) and run.data.params["lr"] == "5.08952353e-06"
    assert table.trials(sqlite_uri, SWEEP, "val_accuracy").lr[0] == 5.08952353e-06


def test_runs_of_an_earlier_version_keep_their_params_and_get_what_is_new(sqlite_uri: str, tmp_path: Path) -> None:
    written(sqlite_uri, tmp_path / "spool", PARAMS)
    path = names.sqlite_path(sqlite_uri)
    assert path is not None
    with closing(sqlite3.connect(path)) as db, db:
        [[run_id]] = db.execute(
            "DELETE FROM tags WHERE key = ? RETURNING run_uuid", [names.TRIAL_PARAMS]
        ).fetchall()
        db.execute("DELETE FROM params WHERE run_uuid = ?", [run_id])
        pairs = [(key, str(value), run_id) for key, value in PARAMS.items()]
        db.executemany("INSERT INTO params (key, value, run_uuid) VALUES (?, ?, ?)", pairs)
        for kept in ("metrics", "latest_metrics"):
            db.execute(f"UPDATE {kept} SET key = replace(key, 'xparam.', 'hp/')")
    before = table.trials(sqlite_uri, SWEEP, "val_accuracy")

    writer = open_writer(sqlite_uri, tmp_path / "later", header=HEADER_OF_MANY)
    summary = {"best_val_accuracy": 0.5}
    writer.reconcile({"t0000": RunFacts(number=0, role="trial", params=PARAMS, state="done", summary=summary)})
    assert writer.close(60)
    [run] = runs_of(sqlite_uri)["t0000"]
    assert run.info.run_id == run_id and run.data.params == {key: str(value) for key, value in PARAMS.items()}
    assert json.loads(run.data.tags[names.TRIAL_PARAMS]) == PARAMS
    assert run.data.metrics["xparam.lr"] == run.data.metrics["hp/lr"] == 5.089524e-06
    assert table.trials(sqlite_uri, SWEEP, "val_accuracy").equals(before)
