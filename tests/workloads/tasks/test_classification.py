"""The classification task against torch's own loss."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import (
    balanced_accuracy_score,
    mean_absolute_error,
    mean_squared_error,
    precision_recall_fscore_support,
    r2_score,
    roc_auc_score,
)
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from search_spaces.types.objective import Objective
from tests.helpers import workload_data
from workloads.arrays import DataShape
from workloads.tasks.by_problem import task_of
from workloads.tasks.classification import Classification
from workloads.tasks.regression import Regression

SMOOTHING = (0.0, 0.1, 0.9)


@pytest.mark.parametrize("own_batches", [False, True])
def test_loss_gradient_and_hits_agree_with_torch(own_batches: bool) -> None:
    torch.manual_seed(0)
    logits = (3 * torch.randn(3, 8, 4, dtype=torch.float64)).requires_grad_()
    y = torch.randint(0, 4, (3, 8) if own_batches else (8,))
    numbers = {"label_smoothing": torch.tensor(SMOOTHING, dtype=torch.float64)}
    found = Classification().loss(lambda x: x, logits, y, numbers)
    weights = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    (gradient,) = torch.autograd.grad(found["loss"] @ weights, logits)
    for k, smoothing in enumerate(SMOOTHING):
        own, labels = logits[k].detach().requires_grad_(), y[k] if own_batches else y
        expected = cross_entropy(own, labels, label_smoothing=smoothing)
        assert_close(found["loss"][k], expected)
        assert_close(gradient[k], torch.autograd.grad(expected * weights[k], own)[0])
        assert_close(found["train_loss"][k], cross_entropy(own, labels).detach())
        assert_close(found["train_accuracy"][k], (own.argmax(-1) == labels).double().mean())
    values = Classification().evaluate(lambda x: x, logits.detach(), y)
    assert_close(values["loss"].mean(1), found["train_loss"])


def test_a_nan_is_no_hit_and_no_finite_loss() -> None:
    logits, y = torch.full((1, 2, 3), float("nan")), torch.tensor([0, 1])
    numbers = {"label_smoothing": torch.zeros(1)}
    assert Classification().loss(lambda x: x, logits, y, numbers)["train_accuracy"] == 0
    task = Classification(roc_auc=True)
    found = task.metrics(task.evaluate(lambda x: x, logits, y), y)
    assert found["loss"].isnan().all() and found["roc_auc"].isnan().all()


@pytest.mark.parametrize("num_classes", [2, 4])
def test_measures_of_a_classifier_agree_with_scikit_learn(num_classes: int) -> None:
    torch.manual_seed(1)
    logits = torch.randn(3, 60, num_classes, dtype=torch.float64).round(decimals=1)
    logits[1, :, 0] = 9.0  # a member that predicts one class alone
    y = torch.randint(0, num_classes, (60,))
    task = Classification(roc_auc=True)
    found = task.metrics(task.evaluate(lambda x: x, logits, y), y)
    for k in range(3):
        guess, labels = logits[k].argmax(-1).numpy(), y.numpy()
        chances = logits[k].softmax(-1).numpy()
        auc = roc_auc_score(labels, chances[:, 1] if num_classes == 2 else chances, multi_class="ovr")
        expected = {
            "accuracy": (guess == labels).mean(),
            "balanced_accuracy": balanced_accuracy_score(labels, guess),
            "roc_auc": auc,
        }
        means = precision_recall_fscore_support(labels, guess, average="macro", zero_division=0)
        expected |= dict(zip(("precision_macro", "recall_macro", "f1_macro"), means, strict=False))
        assert {name: float(found[name][k]) for name in expected} == pytest.approx(expected)


@pytest.mark.parametrize("error", [0.0, 0.3])
def test_r2_of_a_constant_target_and_of_one_row_is_scikit_learn_s(error: float) -> None:
    task = Regression()
    for y in (torch.full((20, 1), 0.1, dtype=torch.float64), torch.zeros(1, 1, dtype=torch.float64)):
        guess = (y + error).unsqueeze(0)
        found = task.metrics(task.evaluate(lambda x: x, guess, y), y)["r2"]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UndefinedMetricWarning)
            exact = r2_score(np.zeros(len(y)), np.full(len(y), error))
        assert float(found[0]) == pytest.approx(exact, nan_ok=True)


def test_metrics_of_several_numbers_agree_with_scikit_learn() -> None:
    torch.manual_seed(3)
    y = torch.randn(50, 3, dtype=torch.float64) * torch.tensor([1.0, 10.0, 0.1]) + torch.tensor([0.0, 50.0, -3.0])
    guess = y + torch.randn(2, 50, 3, dtype=torch.float64)
    found = Regression().metrics(Regression().evaluate(lambda x: x, guess, y), y)
    for k in range(2):
        assert float(found["r2"][k]) == pytest.approx(r2_score(y, guess[k]))
        assert float(found["rmse"][k]) == pytest.approx(mean_squared_error(y, guess[k]) ** 0.5)
        assert float(found["mae"][k]) == pytest.approx(mean_absolute_error(y, guess[k]))


def test_measures_of_a_regression_agree_with_scikit_learn_in_the_targets_units() -> None:
    torch.manual_seed(2)
    y = 5 + 3 * torch.randn(40, 1, dtype=torch.float64)
    guess = y + torch.randn(2, 40, 1, dtype=torch.float64)
    task = Regression(target_std=3.0)
    found = task.metrics(task.evaluate(lambda x: x, (guess - 5) / 3, (y - 5) / 3), (y - 5) / 3)
    for k in range(2):
        expected = {
            "rmse": mean_squared_error(y, guess[k]) ** 0.5,
            "mae": mean_absolute_error(y, guess[k]),
            "r2": r2_score(y, guess[k]),
        }
        assert {name: float(found[name][k]) for name in expected} == pytest.approx(expected)
    losses = task.loss(lambda x: x, (guess - 5) / 3, (y - 5) / 3, {})
    assert_close(losses["loss"], found["loss"])
    assert_close(task.over_epoch(losses)["train_rmse"], found["rmse"])


def test_of_equal_outputs_the_first_is_predicted_in_training_as_in_validation() -> None:
    logits, y = torch.zeros(1, 6, 3, dtype=torch.float64), torch.tensor([0, 1, 2, 0, 1, 2])
    task, numbers = Classification(), {"label_smoothing": torch.zeros(1, dtype=torch.float64)}
    expected = task.metrics(task.evaluate(lambda x: x, logits, y), y)["accuracy"]
    assert float(expected) == pytest.approx(1 / 3)
    assert_close(task.loss(lambda x: x, logits, y, numbers)["train_accuracy"], expected)


def test_metrics_that_decide_beside_the_objective_are_measured_too() -> None:
    setup = replace(workload_data.setup("softmax"), objective=Objective("val_accuracy", "maximize"))
    one = setup.task()
    beside = replace(setup, others=("val_roc_auc",)).task()
    assert isinstance(one, Classification) and isinstance(beside, Classification)
    assert [one.roc_auc, beside.roc_auc] == [False, True]
    numbers = task_of(DataShape((1,), 1, "regression"), "val_rmse val_pinball_90")
    assert isinstance(numbers, Regression) and numbers.quantiles == (0.9,)
