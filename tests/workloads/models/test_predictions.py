"""What a user's predict returns: declared or told from the values, checked, and judged as what it is."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

from search_spaces.race.legs import Leg, Member
from search_spaces.types.objective import Objective
from tests.helpers.workload_data import blobs, search_data
from workloads.arrays import DataShape, Infeasible
from workloads.legs.runner import LegRunner, LegSetting
from workloads.models.custom.predictions import Predictions
from workloads.models.custom.returns import Kind
from workloads.models.custom.run import Run
from workloads.models.custom.workload import workload_of
from workloads.tasks.classification import Classification


def judged(returned: Any, y: Any, kind: Kind | None = None, num_classes: int = 2) -> dict[str, float]:
    scores = torch.from_numpy(Predictions(kind, num_classes, "classification").scores(returned, len(y)))
    task, labels = Classification(roc_auc=True), torch.tensor(y)
    values = task.evaluate(lambda x: x, scores, labels)
    found = task.metrics({name: value.unsqueeze(0) for name, value in values.items()}, labels)
    return {name: float(found[name]) for name in ("accuracy", "loss", "roc_auc")}


@pytest.fixture(scope="module")
def cancer() -> Any:
    x, y = load_breast_cancer(return_X_y=True)
    x = (x - x.mean(0)) / x.std(0)
    model = LogisticRegression().fit(x[:300], y[:300])
    return model, x[300:], y[300:]


def test_each_form_of_a_models_answer_gives_scikit_learn_s_numbers(cancer: Any) -> None:
    model, x, y = cancer
    chances = model.predict_proba(x)
    truth = {
        "accuracy": accuracy_score(y, chances.argmax(1)),
        "loss": log_loss(y, chances),
        "roc_auc": roc_auc_score(y, chances[:, 1]),
    }
    assert truth["loss"] < 0.1
    answers: list[tuple[Any, Kind | None]] = [
        (model.decision_function(x), None),
        (model.predict_log_proba(x), None),
        (chances, None),
        (chances.astype(np.float32), None),
        (chances[:, 1], "probabilities"),
        (chances[:, 1:], "probabilities"),
    ]
    for returned, kind in answers:
        assert judged(returned, y, kind) == pytest.approx(truth, rel=1e-4)
    guesses = model.predict(x)
    found = judged(guesses, y)
    assert found["accuracy"] == pytest.approx(truth["accuracy"])
    assert found["loss"] == pytest.approx(log_loss(y, guesses))


def test_what_is_not_certain_is_asked_for(cancer: Any) -> None:
    model, x, y = cancer
    for returned, num_classes in ((model.predict_proba(x)[:, 1], 2), (np.tile([0.2, 0.9, 0.4], (len(y), 1)), 3)):
        with pytest.raises(
            RuntimeError, match=r"probabilities or scores\? say behind the function .*predict.returns"
        ):
            judged(returned, y, None, num_classes)
    assert judged(np.zeros((len(y), 3)), y, None, 3)["loss"] == pytest.approx(np.log(3))


def test_scores_are_read_alike_in_every_chunk() -> None:
    reader = Predictions(None, 2, "classification")
    assert reader.scores(np.array([-3.0, 0.4]), 2).tolist() == [[0, -3], [0, 0.4]]
    assert reader.scores(np.array([0.2, 0.4]), 2).tolist() == [[0, 0.2], [0, 0.4]]
    reader = Predictions(None, 2, "classification")
    reader.scores(np.array([[0.2, 0.8]]), 1)
    with pytest.raises(RuntimeError, match="must return probabilities as for other rows, received values from -3"):
        reader.scores(np.array([[-3.0, 2.0]]), 1)


@pytest.mark.parametrize(
    ("kind", "returned", "fault"),
    [
        ("probabilities", [[0.5, 0.9, 0.1]] * 2, "rows that sum to 1.5 to 1.5"),
        ("probabilities", [[2.0, -1.0, 0.0]] * 2, "values from -1 to 2"),
        ("classes", [0, 3], "no whole numbers from 0 to 2"),
        ("classes", [0.5, 1], "no whole numbers from 0 to 2"),
        ("logits", [[0.0, 1.0]] * 2, "2 columns, not 3"),
        ("logits", [[0.0, 1.0, float("nan")]] * 2, "not finite in 2 of 2 rows"),
        ("logits", [[0.0, 1.0, 0.0]], "one row for each of 2"),
        ("classes", ["a", "b"], "must return numbers"),
    ],
)
def test_what_is_declared_is_checked(kind: Kind, returned: Any, fault: str) -> None:
    with pytest.raises(RuntimeError, match=fault):
        Predictions(kind, 3, "classification").scores(np.array(returned), 2)


def test_numbers_are_taken_as_they_are() -> None:
    assert Predictions(None, 1, "regression").scores([0.25, 0.75], 2).tolist() == [[0.25], [0.75]]
    with pytest.raises(RuntimeError, match="must return values, received values that are not finite in 1 of 2"):
        Predictions(None, 1, "regression").scores([0.25, float("inf")], 2)


def train(run: Run) -> None:
    """Knows each class by its mean image."""
    means = np.stack([run.x_train[run.y_train == c].reshape(-1, 16).mean(0) for c in range(3)])
    for _ in range(run.epoch, run.num_epochs):
        right = (_chances(means, run.x_val).argmax(1) == run.y_val).mean()
        run.report(lambda folder: np.save(folder / "means.npy", means), val_accuracy=float(right))


def _chances(means: Any, x: Any) -> Any:
    nearness = -np.square(x.reshape(len(x), 1, 16) - means).mean(2) / 100
    shares = np.exp(nearness - nearness.max(1, keepdims=True))
    return shares / shares.sum(1, keepdims=True)


def mine(monkeypatch: pytest.MonkeyPatch, predict: Any, returns: Any = None) -> types.ModuleType:
    """A module of a user's with ``train`` and this ``predict``."""
    module = types.ModuleType("mine_to_judge")
    copied = types.FunctionType(train.__code__, globals(), "train")
    copied.__module__, copied.__annotations__ = module.__name__, {}
    module.train, module.predict = copied, predict  # type: ignore[attr-defined]
    if returns is not None:
        predict.returns = returns
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr("workloads.legs.runner.workload", lambda name: workload_of(name, module.train))
    return module


def scored(folder: Path) -> tuple[dict[str, float], list[str]]:
    setting = LegSetting("mine:train", Objective("val_accuracy", "maximize"), str(folder), device="cpu")
    lane = LegRunner(setting, search_data(), blobs(300, 2))
    lane.start(
        Leg(id=0, start=0, stop=1, horizon=1, members=(Member(trial=0, seed=0, params={}),), purpose="final")
    )
    lane.epoch()
    lane.save()
    [found] = lane.score()
    return dict(found.metrics), lane.take_messages()


def test_probabilities_are_judged_as_probabilities(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine(monkeypatch, lambda folder, x: _chances(np.load(folder / "means.npy"), x))
    found, messages = scored(tmp_path)
    test, data = blobs(300, 2), search_data()
    means = np.stack([data.train.x[data.train.y == c].reshape(-1, 16).mean(0) for c in range(3)])
    assert found["test_loss"] == pytest.approx(log_loss(test.y, _chances(means, test.x)))
    assert messages == []


def test_a_predict_that_is_not_what_was_trained_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine(monkeypatch, lambda folder, x: -_chances(np.load(folder / "means.npy"), x))
    told = "val_accuracy of the saved model is 0, and training reported 1"
    assert scored(tmp_path)[1] == [f"{told}: what is judged may not be what was optimised"]


def test_predict_is_tried_with_the_first_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine(monkeypatch, lambda folder, x: np.full((len(x), 2), -1.0))
    setting = LegSetting("mine:train", Objective("val_accuracy", "maximize"), str(tmp_path), device="cpu")
    lane = LegRunner(setting, search_data())
    lane.start(Leg(id=0, start=0, stop=1, horizon=1, members=(Member(trial=0, seed=0, params={}),)))
    lane.epoch()
    with pytest.raises(RuntimeError, match="2 columns, not 3"):
        lane.save()


def test_a_declaration_is_checked_before_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    module = mine(monkeypatch, lambda folder, x: x, returns="probability")
    with pytest.raises(LookupError, match="received 'probability', did you mean probabilities"):
        workload_of("mine:train", module.train)
    module = mine(monkeypatch, lambda folder, x: x, returns="values")
    check = workload_of("mine:train", module.train).check
    assert check is not None
    check(None, DataShape((4,), 1, "regression"))
    with pytest.raises(Infeasible, match="'values', and classification needs 'probabilities' or 'logits'"):
        check(None, DataShape((4,), 3, "classification"))
