"""The task for each kind of problem."""

from __future__ import annotations

from workloads.arrays import DataShape
from workloads.tasks.classification import Classification, balanced_weights
from workloads.tasks.contract import Task
from workloads.tasks.forecast import Forecast
from workloads.tasks.language import Language
from workloads.tasks.regression import Regression
from workloads.tasks.tagging import Tagging


def task_of(shape: DataShape, objective: str) -> Task:
    """Return the task of the data's problem, for workloads without a task of their own.

    A classification measures the area under the ROC curve only if the ``objective`` is one.
    """
    if shape.problem == "language":
        return Language()
    if shape.problem == "tagging":
        return Tagging(shape.labels, shape.words_a_sentence)
    if shape.problem == "forecast":
        return Forecast(shape.target_std, shape.season)
    if shape.problem == "regression":
        return Regression(shape.target_std)
    assert shape.problem == "classification", shape.problem
    return Classification(objective.endswith("roc_auc"), balanced_weights(shape.class_counts))
