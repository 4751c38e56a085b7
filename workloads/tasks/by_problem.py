"""The task for each kind of problem."""

from __future__ import annotations

from search_spaces.types.problems import quantiles_of
from workloads.arrays import DataShape
from workloads.tasks.classification import Classification, balanced_weights
from workloads.tasks.contract import Task
from workloads.tasks.forecast import Forecast
from workloads.tasks.language import Language
from workloads.tasks.regression import Regression
from workloads.tasks.tagging import Tagging


def task_of(shape: DataShape, metrics: str) -> Task:
    """Return the task of the data's problem, for workloads without a task of their own.

    ``metrics`` are the names of those that decide, separated by blanks: the area under the ROC curve and the losses
    of quantiles are measured only if they are among them.
    """
    if shape.problem == "language":
        return Language()
    if shape.problem == "tagging":
        return Tagging(shape.labels, shape.words_a_sentence)
    if shape.problem == "forecast":
        return Forecast(shape.target_std, shape.season)
    if shape.problem == "regression":
        return Regression(shape.target_std, quantiles_of(metrics))
    assert shape.problem == "classification", shape.problem
    return Classification("roc_auc" in metrics, balanced_weights(shape.class_counts))
