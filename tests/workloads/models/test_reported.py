"""Metrics that users' code reports: numbers of any library under any names, and what is refused."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
import torch

from search_spaces.criteria.metric_names import is_of_test, on_test
from workloads.models.custom.reported import numbers


def test_numbers_of_any_library_are_taken_and_epoch_is_the_reports_own_number() -> None:
    told = {
        "int": 1,
        "bool": True,
        "decimal": Decimal("0.5"),
        "numpy": np.float32(0.5),
        "array": np.array(2),
        "one": np.array([[3.0]]),
        "torch": torch.tensor(0.25, requires_grad=True),
        "val/nan": math.nan,
        "huge": 10**400,
        "epoch": 7,
    }
    found = numbers(told, "val/nan", "search")
    assert math.isnan(found.pop("val/nan"))
    assert found == {
        "int": 1, "bool": 1, "decimal": 0.5, "numpy": 0.5, "array": 2, "one": 3, "torch": 0.25, "huge": math.inf
    }  # fmt: skip
    assert {type(value) for value in found.values()} == {float}


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"acc": "0.9"}, "acc must be a number, received '0.9' (str)"),
        ({"acc": None}, "acc must be a number, received None (NoneType)"),
        ({"acc": [0.9]}, "acc must be a number, received [0.9] (list)"),
        ({"acc": {"a": 1}}, "acc must be a number, received {'a': 1} (dict)"),
        ({"acc": np.zeros(3)}, "acc must be one number, received ndarray of the shape (3,)"),
        ({"acc": 1 + 2j}, "acc must be a number, received (1+2j) (complex)"),
        ({"f1@5": 1.0}, "f1@5 is no name that MLflow keeps"),
        ({"hp/lr": 1.0}, "hp/lr is a name that Paceline itself writes"),
        ({"best_acc": 1.0}, "best_acc is a name that Paceline itself writes: write another one"),
        (
            {"test_acc": 1.0},
            "test_acc is of the test split, which is locked until the final evaluation: what the search has seen "
            "looks better than it is; report it only where run.purpose == 'final'",
        ),
        ({"a": "x", "b": "y"}, "a must be a number, received 'x' (str); b must be a number, received 'y' (str)"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_every_fault(told: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match="metrics that cannot be reported: ") as caught:
        numbers(told, "acc", "search")
    assert said in str(caught.value)


def test_metrics_of_the_test_split_are_taken_in_the_final_evaluation() -> None:
    assert numbers({"test_acc": 0.5, "best_f1": 1}, "acc", "final") == {"test_acc": 0.5, "best_f1": 1.0}


def test_the_name_of_a_metric_tells_its_split() -> None:
    assert all(map(is_of_test, ("test_f1", "test/f1", "test", "testF1")))
    assert not any(map(is_of_test, ("tests_passed", "tester", "val_test")))
    named = {
        "val_acc": "test_acc",
        "eval/f1": "test/f1",
        "valid_loss": "test_loss",
        "f1": "test_f1",
        "value": "test_value",
    }
    assert {name: on_test(name) for name in named} == named
