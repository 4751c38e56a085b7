"""Trains one member: each epoch adds iterations to its trees."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import torch

from workloads.data.epoch_order import mix
from workloads.models.boosted_trees.ensemble import Ensemble
from workloads.models.boosted_trees.hyperparameters import BoostedTreesHyperparameters
from workloads.models.boosted_trees.inputs import own_units
from workloads.training.evaluate import evaluate, over
from workloads.training.setup import MemberState, Setup, Trainee, report

MEASURED_ROWS = 5_000
"""Limit on the training rows, evenly chosen, by which training metrics are measured: all trees see each of them."""
MEASURED = ("loss", "accuracy", "rmse")
"""Metrics that are measured of the training split, too."""


class BoostingLoop:
    """Trains one member. An epoch is ``iterations_per_epoch`` iterations over all training rows."""

    def __init__(self, setup: Setup, member: Trainee) -> None:
        assert setup.group.alone, "trees are grown in one process"
        model = setup.build(member)
        assert isinstance(model, Ensemble) and isinstance(member.hp, BoostedTreesHyperparameters)
        self.setup, self.members, self.epoch_done = setup, [member], 0
        self.model, self.hp = model, member.hp
        self.task = setup.task()
        data = setup.data
        self.x, self.y = data.x_train.numpy(), own_units(data.y_train, data.shape, self.hp.loss)
        few = torch.arange(0, len(data.y_train), -(-len(data.y_train) // MEASURED_ROWS))
        self.measured = data.x_train[few], data.y_train[few]

    def epoch(self) -> list[dict[str, float]]:
        """Add an epoch's iterations; measure the validation split, and the training split by some of its rows."""
        started = time.perf_counter()
        data, seed = self.setup.data, mix(self.members[0].seed, 0) % 2**32
        self.model.grow(self.x, self.y, self.hp.iterations_per_epoch, seed)
        trained = over(self.task, self.model, data, self.measured)
        means = {f"train_{name}": value for name, value in trained.items() if name in MEASURED}
        means |= evaluate(self.task, self.model, data)
        self.epoch_done += 1
        return report(self.members, means, time.perf_counter() - started, len(data.y_train))

    def finite(self) -> list[bool]:
        """Return, as the only entry, whether all predicted values of training rows are finite."""
        with torch.no_grad():
            outputs = self.model(self.measured[0][:1])
        return [bool(np.isfinite(outputs.numpy()).all())]

    def state(self, k: int) -> MemberState:
        """Return a copy of the only member's state: its trees, and what further iterations need."""
        assert k == 0
        return MemberState(self.model.state_dict(), {})

    def load(self, k: int, state: MemberState) -> None:
        """Continue from ``state``."""
        assert k == 0
        self.model.load_state_dict(state.model)

    def keep(self, ks: Sequence[int]) -> None:
        """Keep the only member; without it the whole loop is dropped instead."""
        assert list(ks) == [0]
