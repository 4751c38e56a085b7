"""Trees of scikit-learn as a module of torch, which checkpoints, scores and champions take as any other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Final

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from workloads.arrays import Array, DataShape, Infeasible
from workloads.models.boosted_trees.hyperparameters import BoostedTreesHyperparameters

TRUSTED: Final = [
    "functools.partial",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.utils.validation.check_array",
]
"""Names that skops may load beside scikit-learn's own estimators: no other code can be in a checkpoint."""
LEAST: Final = float(np.finfo(np.float64).eps)
"""Probability of a class that no training row has, as in scikit-learn's ``log_loss``."""


class Ensemble(nn.Module):
    """Boosted trees: one estimator of scikit-learn for classes, or one for each number that is predicted.

    It has no parameters. Its state is one tensor of bytes, which skops writes and reads without unpickling.
    """

    input_dtype = torch.float64

    def __init__(self, hp: BoostedTreesHyperparameters, shape: DataShape) -> None:
        super().__init__()
        self.hp, self.shape = hp, shape
        self.estimators: list[Any] = []

    def grow(self, x: Array, y: Array, num_iterations: int, seed: int) -> None:
        """Add ``num_iterations`` iterations, fitted on all rows of float64 ``x`` (rows, features).

        ``y`` is (rows,) classes or (rows, numbers) in the target's own units. Raises Infeasible where all rows are
        of one class.
        """
        targets = [y] if y.ndim == 1 else list(y.T)
        if self.shape.problem == "classification" and len(np.unique(y)) < 2:
            raise Infeasible("all training rows are of one class: nothing can be told apart")
        if not self.estimators:
            self.estimators = [self._estimator(seed) for _ in targets]
        settings = _settings(self.hp, self.shape)
        with threads():
            for estimator, target in zip(self.estimators, targets, strict=True):
                done = getattr(estimator, "n_iter_", 0)
                estimator.set_params(**settings, max_iter=done + num_iterations).fit(x, target)

    def _estimator(self, seed: int) -> Any:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        kind = HistGradientBoostingRegressor
        if self.shape.problem == "classification":
            kind = HistGradientBoostingClassifier
        return kind(random_state=seed)

    def forward(self, x: Tensor) -> Tensor:
        """Return float64 logits (rows, classes), or standardised numbers; NaN in ``x`` is a missing value."""
        rows = x.detach().numpy()
        with threads():
            if self.shape.problem == "classification":
                return torch.from_numpy(_logits(self.estimators[0], rows, self.shape.num_outputs))
            numbers = np.stack([estimator.predict(rows) for estimator in self.estimators], axis=1)
        return torch.from_numpy((numbers - self.shape.target_mean) / self.shape.target_std)

    def get_extra_state(self) -> Tensor:
        """Return all estimators as bytes, with what further iterations need."""
        import skops.io

        return torch.frombuffer(bytearray(skops.io.dumps(self.estimators)), dtype=torch.uint8)

    def set_extra_state(self, state: Tensor) -> None:
        """Take the estimators. Raises skops' UntrustedTypesFoundException for bytes that hold anything else."""
        import skops.io

        self.estimators = skops.io.loads(state.numpy().tobytes(), trusted=TRUSTED)


def threads() -> AbstractContextManager[object]:
    """Return a context in which scikit-learn takes as many threads as torch: the lane's share of the processors."""
    limits: AbstractContextManager[object] = threadpool_limits(torch.get_num_threads(), user_api="openmp")
    return limits


def _settings(hp: BoostedTreesHyperparameters, shape: DataShape) -> Mapping[str, Any]:
    """Return the estimator's settings; the first features are the codes of categories."""
    num_features, num_categories = math.prod(shape.example), len(shape.categories)
    own: dict[str, Any] = {"loss": hp.loss, "quantile": hp.quantile if hp.loss == "quantile" else None}
    if shape.problem == "classification":
        own = {"class_weight": None if hp.class_weights == "none" else hp.class_weights}
    return {
        **own,
        "learning_rate": hp.lr,
        "max_leaf_nodes": hp.max_leaf_nodes,
        "max_depth": hp.max_depth or None,
        "min_samples_leaf": hp.min_samples_leaf,
        "l2_regularization": hp.l2_regularization,
        "max_features": hp.max_features,
        "max_bins": hp.max_bins,
        "categorical_features": [k < num_categories for k in range(num_features)] if num_categories else None,
        "warm_start": True,
        "early_stopping": False,  # rungs and patience stop, by the sweep's own validation rows
    }


def _logits(estimator: Any, rows: Array, num_classes: int) -> Array:
    """Return logits (rows, all classes); a class that no training row had has the probability ``LEAST``."""
    raw = np.asarray(estimator.decision_function(rows), dtype=np.float64)
    if raw.ndim == 1:
        raw = np.stack([np.zeros_like(raw), raw], axis=1)
    if raw.shape[1] == num_classes:
        return raw
    sums = np.logaddexp.reduce(raw, axis=1, keepdims=True)
    found = np.repeat(sums + math.log(LEAST), num_classes, axis=1)
    found[:, estimator.classes_] = raw
    return found
