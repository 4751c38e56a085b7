"""Sweeps that start from a champion: rows that it was trained on are told as a leak where they test this one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cluster.sweep.data_process import Loaded
from cluster.sweep.mlflow_models.trained_rows import with_trained_rows
from search_spaces.spec.sweep import Sweep, parse_sweep
from tracking import names
from workloads.arrays import DataError
from workloads.registry import catalogue

SPEC = """
workload: language
data: {csv: reviews.csv, target: label, text: review}
parameters: {model: "models:/it@champion", lr: {min: 1e-4, max: 1e-2}}
trials: 2
"""
EARLIER = {"train": [0, 1, 2, 3, 4, 5], "val": [6, 7], "test": [8, 9]}
OTHERWISE = {"train": [0, 1, 2, 3, 8, 9], "val": [4, 6], "test": [5, 7]}


def card(indices: dict[str, list[int]], name: str = "/home/ada/reviews.csv") -> dict[str, Any]:
    rows = {part: len(found) for part, found in indices.items()}
    return {"name": name, "rows": rows, "leaks": ["one that is known"], "notes": []}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a store with champions of a sweep and of one whose splits are lost, and a model of no sweep."""
    from mlflow import MlflowClient

    folder = tmp_path_factory.mktemp("store")
    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    experiment = client.create_experiment("it", str(folder / "artifacts"))
    for name, tags in (("it", {names.SWEEP_ID: "7f3a"}), ("lost", {names.SWEEP_ID: "8a4b"}), ("foreign", {})):
        sweep = client.create_run(experiment).info.run_id
        if name != "lost":
            text = json.dumps({"card": card(EARLIER), "indices": EARLIER})
            client.log_text(sweep, text, names.SPLITS_FILE)
        run = client.create_run(experiment, tags={names.PARENT_RUN: sweep}).info.run_id
        client.create_registered_model(name)
        client.create_model_version(name, str(folder / "artifacts" / name), run, tags=tags)
        client.set_registered_model_alias(name, names.CHAMPION, "1")
    return folder


def starting(store: Path, tmp_path: Path, *overrides: str) -> Sweep:
    (tmp_path / "reviews.csv").write_text("review,label\nfine,a\ndull,b\n")
    own = (f"tracking.uri=sqlite:///{store / 'mlflow.db'}", *overrides)
    return parse_sweep(SPEC, "it.yaml", tmp_path, own, catalogue=catalogue())


def told(sweep: Sweep, indices: dict[str, list[int]], name: str = "reviews.csv") -> tuple[list[str], list[str]]:
    """Return leaks and notes beside those that were known."""
    found = with_trained_rows(sweep, Loaded(None, None, card(indices, name), indices)).card
    assert found["leaks"][0] == "one that is known"
    return list(found["leaks"][1:]), list(found["notes"])


def test_test_rows_that_the_champion_has_learned_from_are_a_leak(store: Path, tmp_path: Path) -> None:
    sweep = starting(store, tmp_path)
    [leak], notes = told(sweep, OTHERWISE)
    assert leak.startswith("2 of the 2 test rows are rows that models:/it@champion was trained on") and not notes
    assert told(sweep, EARLIER) == ([], []) == told(sweep, OTHERWISE, "others.csv")
    with pytest.raises(DataError, match="allows no leak, received 1: 2 of the 2 test rows"):
        told(starting(store, tmp_path, "data.strict=true"), OTHERWISE)


def test_what_is_not_known_is_a_note_and_models_of_other_sources_are_none(store: Path, tmp_path: Path) -> None:
    lost = starting(store, tmp_path, "parameters.model=models:/lost/1")
    leaks, [note] = told(lost, OTHERWISE)
    assert not leaks and "models:/lost/1 was trained on rows of the test split isn't known" in note
    assert told(starting(store, tmp_path, "parameters.model=models:/foreign/1"), OTHERWISE) == ([], [])
    assert told(starting(store, tmp_path, "parameters.model=none"), OTHERWISE) == ([], [])
