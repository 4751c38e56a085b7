"""LRU cache of prepared data sets, by preprocessing hyperparameters and fold; a lane keeps it from leg to leg."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import Any

import torch

from search_spaces.space.hyperparameters import hyperparameters
from search_spaces.types.objective import Objective
from search_spaces.types.values import Value
from workloads.contract import Workload
from workloads.data.search_data import SearchData
from workloads.data.streaming.stream import Shard
from workloads.training.folds import fold_data
from workloads.training.setup import Setup

KEPT_FORMS = 4
"""Number of prepared data sets that are kept, for each fold."""


class InputCache:
    """Cache of setups by fold and by the hyperparameters that are declared with ``prepares``."""

    def __init__(
        self, kind: Workload, search: SearchData, device: torch.device, shard: Shard | None = None
    ) -> None:
        self._workload, self._search, self._device, self._shard = kind, search, device, shard
        self._setups: OrderedDict[tuple[Value, ...], Setup] = OrderedDict()

    def setup(self, hp: Any, objective: Objective, fold: int | None = None) -> Setup:
        """Return a setup with the data prepared as ``hp`` says; ``fold`` None is the search's own split.

        Raises Infeasible where ``hp`` cannot be applied to this data.
        """
        known = hyperparameters(type(hp))
        key = (fold, *(getattr(hp, name) for name, field in known.items() if field.prepares))
        if key not in self._setups:
            search = self._search if fold is None else fold_data(self._search, fold)
            data = self._workload.data(hp, search, self._device, torch.float32)
            data = data if self._shard is None else replace(data, shard=self._shard)
            self._setups[key] = Setup(self._workload, data, objective, device=self._device)
            if len(self._setups) > KEPT_FORMS * max(1, len(self._search.folds)):
                self._setups.popitem(last=False)
        self._setups.move_to_end(key)
        return self._setups[key]
