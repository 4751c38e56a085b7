"""Gradient-boosted decision trees: scikit-learn's HistGradientBoosting, a few iterations an epoch."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from search_spaces.types.problems import PINBALL
from workloads.arrays import DataShape
from workloads.contract import Workload
from workloads.models.boosted_trees.hyperparameters import BoostedTreesHyperparameters

if TYPE_CHECKING:
    from torch import device, dtype, nn

    from workloads.data.search_data import SearchData
    from workloads.memory_need import MemoryNeed
    from workloads.tasks.contract import Task
    from workloads.training.batches import ResidentData
    from workloads.training.setup import Loop, Setup, Trainee


def build(hp: BoostedTreesHyperparameters, shape: DataShape) -> nn.Module:
    """Return an ensemble without trees, from float64 (rows, features) to logits, or to standardised numbers."""
    from workloads.models.boosted_trees.ensemble import Ensemble  # 1,200 ms: torch

    return Ensemble(hp, shape)


def check(hp: BoostedTreesHyperparameters, shape: DataShape) -> None:
    """Accept all data of shapes that a table has: what its values cannot be is known to ``tryout``."""


def task(shape: DataShape, metrics: str) -> Task:
    """Return the task of the data's problem; where a quantile is judged its loss is the one that is fitted."""
    from workloads.tasks.by_problem import task_of  # 1,100 ms: torch
    from workloads.tasks.regression import Regression  # 1,100 ms: torch

    found = task_of(shape, metrics)
    return replace(found, by_quantile=True) if isinstance(found, Regression) else found


def tryout(hp: BoostedTreesHyperparameters, search: SearchData) -> str | None:
    """Return lines on categories that are merged, and on the metric of a quantile; None where there are none.

    Raises Infeasible where the loss cannot be of these targets.
    """
    from workloads.models.boosted_trees.inputs import merged, refuse_targets  # 1,200 ms: torch

    lines = [merged(hp, search.train)]
    if search.problem == "regression":
        refuse_targets(hp.loss, float(search.train.y.min(initial=1.0)))
        lines.append(_judged(hp) if hp.loss == "quantile" else None)
    return "\n".join(filter(None, lines)) or None


def _judged(hp: BoostedTreesHyperparameters) -> str:
    metric = min(PINBALL, key=lambda name: abs(PINBALL[name] - hp.quantile))
    exact = PINBALL[metric] == hp.quantile
    judge = f"{metric} judges" if exact else f"no metric judges exactly ({metric} comes nearest)"
    return f"the {hp.quantile:g} quantile of the target is predicted, which {judge}: others prefer other values"


def memory_of_data(hp: BoostedTreesHyperparameters, search: SearchData) -> list[MemoryNeed]:
    """Return what a training takes beside the process and the table itself."""
    from workloads.models.boosted_trees.memory import memory  # 60 ms: NumPy

    return memory(hp, search)


def data(hp: BoostedTreesHyperparameters, search: SearchData, device: device, dtype: dtype) -> ResidentData:
    """Return both splits in float64 on the CPU, where the trees are, whatever ``device`` and ``dtype`` are."""
    from workloads.models.boosted_trees.inputs import inputs  # 1,200 ms: torch

    return inputs(hp, search)


def loop(setup: Setup, member: Trainee) -> Loop:
    """Return the loop that adds trees."""
    from workloads.models.boosted_trees.loop import BoostingLoop  # 1,200 ms: torch

    return BoostingLoop(setup, member)


BOOSTED_TREES = Workload(
    name="boosted_trees",
    summary="gradient-boosted decision trees for tables (scikit-learn's HistGradientBoosting)",
    hyperparameters=BoostedTreesHyperparameters,
    space={
        "lr": {"min": 0.05, "max": 0.2, "log": True},
        "max_leaf_nodes": {"min": 8, "max": 64, "log": True},
        "min_samples_leaf": {"min": 5, "max": 100, "log": True},
        "l2_regularization": {"min": 1e-4, "max": 1.0, "log": True},
        "max_features": {"min": 0.4, "max": 1.0},
    },
    init_metric={"classification": "val_loss"},  # trees that differ little are told apart with fewer rows
    problems={"table": ("classification", "regression")},
    build=build,
    check=check,
    tryout=tryout,
    task=task,
    memory_of_data=memory_of_data,
    fusable=False,
    one_process=True,
    streams=False,
    by_row=True,
    data=data,
    loop=loop,
)
