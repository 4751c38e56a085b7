"""Gradient-boosted decision trees: scikit-learn's HistGradientBoosting, a few iterations an epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workloads.arrays import DataShape
from workloads.contract import Workload
from workloads.models.boosted_trees.hyperparameters import BoostedTreesHyperparameters

if TYPE_CHECKING:
    from torch import device, dtype, nn

    from workloads.data.search_data import SearchData
    from workloads.training.batches import ResidentData
    from workloads.training.setup import Loop, Setup, Trainee


def build(hp: BoostedTreesHyperparameters, shape: DataShape) -> nn.Module:
    """Return an ensemble without trees, from float64 (rows, features) to logits, or to standardised numbers."""
    from workloads.models.boosted_trees.ensemble import Ensemble  # 1,200 ms: torch

    return Ensemble(hp, shape)


def check(hp: BoostedTreesHyperparameters, shape: DataShape) -> None:
    """Accept all data of shapes that a table has: what its values cannot be is known to ``tryout``."""


def tryout(hp: BoostedTreesHyperparameters, search: SearchData) -> str | None:
    """Return a line on categories that are merged. Raises Infeasible where the loss cannot be of these targets."""
    from workloads.models.boosted_trees.inputs import merged, refuse_targets  # 1,200 ms: torch

    if search.problem == "regression":
        refuse_targets(hp.loss, float(search.train.y.min(initial=1.0)))
    return merged(hp, search.train)


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
        "max_leaf_nodes": {"min": 4, "max": 128, "log": True},
        "min_samples_leaf": {"min": 2, "max": 100, "log": True},
        "l2_regularization": {"min": 1e-4, "max": 10.0, "log": True},
        "max_features": {"min": 0.2, "max": 1.0},
    },
    problems={"table": ("classification", "regression")},
    build=build,
    check=check,
    tryout=tryout,
    fusable=False,
    one_process=True,
    streams=False,
    by_row=True,
    data=data,
    loop=loop,
)
