"""Training functions of the user's own: what they declare, how they are driven, resumed and judged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search_spaces.race.legs import Leg, Member
from search_spaces.space.hyperparameters import hyperparameters
from search_spaces.types.objective import Objective
from tests.helpers.workload_data import blobs, search_data
from workloads.data.search_data import no_data, no_examples
from workloads.legs.runner import LegRunner, LegSetting
from workloads.models.custom.run import Run
from workloads.models.custom.run_parts.turns import Abandoned
from workloads.models.custom.workload import workload_of
from workloads.registry import workload

SKLEARN = "workloads.examples.sklearn_sgd:train"


def runner(folder: Path, name: str) -> LegRunner:
    setting = LegSetting(name, Objective("val_accuracy", "maximize"), str(folder), device="cpu")
    return LegRunner(setting, search_data(), blobs(30, 2))


def trained(lane: LegRunner, leg: Leg) -> list[Any]:
    lane.start(leg)
    told = []
    while not lane.done:
        told += lane.epoch()
    return told


def leg(start: int, stop: int, checkpoint: str | None = None) -> Leg:
    member = Member(trial=0, seed=1, params={}, checkpoint=checkpoint)
    return Leg(id=0, start=start, stop=stop, horizon=4, members=(member,))


def test_a_functions_keyword_parameters_are_its_hyperparameters() -> None:
    kind = workload(SKLEARN)
    known = hyperparameters(kind.hyperparameters)
    assert {name: (hp.type, hp.default) for name, hp in known.items()} == {
        "alpha": (float, 1e-4),
        "eta0": (float, 0.01),
        "penalty": (str, "l2"),
    }
    assert kind.judged and kind.registered and kind.serves_files


def test_parameters_that_are_no_hyperparameters_are_refused() -> None:
    def positional(run: Run, lr: float = 1.0) -> None: ...

    def wrong_type(run: Run, *, sizes: np.ndarray) -> None: ...

    for train, rule in (
        (positional, "must be keyword-only"),
        (wrong_type, "must have a type that a spec can hold"),
    ):
        with pytest.raises(LookupError, match=rule):
            workload_of("mine:train", train)


def test_a_function_that_brings_its_own_data_is_paused_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(run: Run) -> None:
        assert not hasattr(run, "x_train")
        for epoch in range(run.epoch, run.num_epochs):
            run.report(lambda folder: (folder / "a.txt").write_text("a"), val_accuracy=epoch / 10)

    monkeypatch.setattr("workloads.legs.runner.workload", lambda name: workload_of(name, train))
    setting = LegSetting("mine:train", Objective("val_accuracy", "maximize"), str(tmp_path), device="cpu")
    lane = LegRunner(setting, no_data(), no_examples())
    first = trained(lane, leg(0, 2))
    assert "examples_per_s" not in first[0].metrics
    [saved] = lane.save()
    told = trained(LegRunner(setting, no_data(), no_examples()), leg(2, 3, saved.uri))
    assert [one.metrics["val_accuracy"] for one in (*first, *told)] == [0.0, 0.1, 0.2]


def test_what_a_run_lacks_without_data_is_told() -> None:
    run = Run.__new__(Run)
    with pytest.raises(AttributeError, match=r"run.x_train is not there: the sweep has no data"):
        _ = run.x_train


def test_without_saved_files_training_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []

    def train(run: Run) -> None:
        begun.append(run.epoch)
        for epoch in range(run.epoch, run.num_epochs):
            run.report(val_accuracy=epoch / 10)

    monkeypatch.setattr("workloads.legs.runner.workload", lambda name: workload_of(name, train))
    lane = runner(tmp_path, "mine:train")
    trained(lane, leg(0, 2))
    [saved] = lane.save()
    told = trained(runner(tmp_path, "mine:train"), leg(2, 3, saved.uri))
    assert begun == [0, 0]
    assert [(t.epoch, t.metrics["val_accuracy"]) for t in told] == [(3, 0.2)]


def test_what_a_function_does_wrong_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def raises(run: Run) -> None:
        raise ValueError("my own mistake")

    def ends(run: Run) -> None:
        return None

    def other(run: Run) -> None:
        run.report(val_loss=0.5)

    for train, rule in ((raises, "my own mistake"), (ends, "ended behind epoch 0"), (other, "must report val_acc")):
        monkeypatch.setattr("workloads.legs.runner.workload", lambda name, train=train: workload_of(name, train))
        with pytest.raises((ValueError, RuntimeError), match=rule):
            trained(runner(tmp_path, "mine:train"), leg(0, 2))


def test_a_training_that_is_given_up_ends_its_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []

    def train(run: Run) -> None:
        try:
            while True:
                run.report(val_accuracy=0.5)
        except Abandoned:
            ended.append("here")
            raise

    monkeypatch.setattr("workloads.legs.runner.workload", lambda name: workload_of(name, train))
    lane = runner(tmp_path, "mine:train")
    trained(lane, leg(0, 1))
    lane.start(leg(0, 1))
    for _ in range(100):
        if ended:
            break
        import gc
        import time

        gc.collect()
        time.sleep(0.05)
    assert ended == ["here"]


def test_a_function_without_predict_needs_final_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from search_spaces.spec.sweep import parse_sweep
    from search_spaces.types.faults import SpecError
    from workloads.registry import catalogue

    (tmp_path / "silent.py").write_text("def train(run, *, lr: float = 0.1):\n    run.report(val_accuracy=lr)\n")
    monkeypatch.syspath_prepend(tmp_path)
    text = json.dumps(
        {"workload": "silent:train", "data": {"name": "wine"}, "parameters": {"lr": {"min": 0, "max": 1}}}
    )
    with pytest.raises(SpecError, match="final: must be none: workload silent:train has no predict"):
        parse_sweep(text, "sweep.yaml", tmp_path, catalogue=catalogue())
    assert parse_sweep(text, "sweep.yaml", tmp_path, ["final=none"], catalogue=catalogue()).final is None
