"""A sweep whose metric is undefined on some rows is refused before it starts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from search_spaces.spec.data import Split
from tests.helpers.workload_data import search_data
from workloads.arrays import Arrays, DataError
from workloads.data.metric_check import check_metric
from workloads.data.search_data import SearchData
from workloads.data.splits import folds


def rows(y: list[float] | list[int]) -> Arrays:
    return Arrays(np.zeros((len(y), 1)), np.array(y))


def with_val(y: list[float] | list[int], *, kind: SearchData | None = None) -> SearchData:
    return replace(kind or search_data(), val=rows(y))


def test_a_fold_of_one_class_has_no_area_under_the_curve() -> None:
    groups = np.repeat(np.arange(20), 6)
    y = np.isin(groups, [1, 5, 9]).astype(int)
    found = folds(y, Split(train=0.7, val=0.15, test=0.15, folds=5, group="g"), groups)
    single = [number for number, (_, val) in enumerate(found) if len(set(y[val])) < 2]
    assert single, "some fold has one class"
    search = replace(search_data(), train=rows(y[:100].tolist()), val=rows(y[100:].tolist()), folds=found)
    with pytest.raises(DataError) as caught:
        check_metric("val_roc_auc", search)
    assert all(f"fold {number}" in str(caught.value) for number in single)
    assert "fewer folds" in str(caught.value)
    check_metric("val_accuracy", search)


def test_every_part_is_named() -> None:
    with pytest.raises(DataError, match=r"val_r2 .* in the validation split, the test split: give larger shares"):
        check_metric("val_r2", with_val([2.0, 2.0]), rows([1.0, 1.0]))
    with pytest.raises(DataError, match="received one in the test split"):
        check_metric("val_roc_auc", with_val([0, 1]), rows([1, 1]))
    check_metric("val_roc_auc", with_val([0, 1]), rows([1, 0]))
