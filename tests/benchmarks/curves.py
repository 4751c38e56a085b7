"""Learning curves of real trainings to search on: LCBench's surrogate (YAHPO Gym), ten of its tasks.

A configuration of seven hyperparameters has a validation accuracy after each of 50 epochs, in per cent. Epoch n is
the surrogate's n + 1, as its first one is that of an untrained network. The best of a task is the best last epoch
of ``NUM_REFERENCE`` random configurations, the ten best of which were then improved by hill climbing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from search_spaces.space.domains import Int, Uniform
from search_spaces.space.space import Space
from search_spaces.types.objective import Objective
from search_spaces.types.values import Params

TASKS = ("3945", "7593", "34539", "126025", "126026", "126029", "146212", "167104", "167168", "189906")
EPOCHS = 50
NUM_REFERENCE = 20_000
ACCURACY = Objective("val_accuracy", "maximize")
INPUTS = (
    "epoch",
    "batch_size",
    "learning_rate",
    "momentum",
    "weight_decay",
    "num_layers",
    "max_units",
    "max_dropout",
)
"""The surrogate's inputs in their order (YAHPO Gym, LCBench). Its second output is the accuracy."""
_TASK = "OpenML_task_id"


@cache
def _surrogate(folder: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(folder / "model.onnx", options)


@dataclass(frozen=True)
class Curves:
    """Learning curves of one task."""

    folder: Path
    task: str

    @cached_property
    def space(self) -> Space:
        """The seven hyperparameters."""
        found = json.loads((self.folder / "config_space.json").read_text())["hyperparameters"]
        by_name = {one["name"]: one for one in found}
        return Space({name: _domain(by_name[name]) for name in INPUTS[1:]})

    @cached_property
    def _code(self) -> int:
        return int(json.loads((self.folder / "encoding.json").read_text())[_TASK][self.task])

    def after(self, points: np.ndarray, epochs: np.ndarray) -> np.ndarray:
        """Return the accuracy (n,) of configurations (n, 7), in the space's order, after epochs (n,) from 1 on."""
        continuous = np.column_stack([epochs + 1, points]).astype(np.float32)
        codes = np.full((len(points), 1), self._code, np.int32)
        outputs = _surrogate(self.folder).run(None, {"x_cat": codes, "x_cont": continuous})[0]
        return np.asarray(outputs[:, 1], float)

    def curve(self, params: Params) -> np.ndarray:
        """Return the accuracy (EPOCHS,) by epoch."""
        point = np.array([[float(params[name]) for name in self.space.domains]])  # type: ignore[arg-type]
        return self.after(np.repeat(point, EPOCHS, axis=0), np.arange(1, EPOCHS + 1))

    @cached_property
    def reference(self) -> tuple[float, float]:
        """The best and the median last accuracy of random configurations; a regret of 1 is the median's."""
        rng = np.random.default_rng(0)
        units = rng.random((NUM_REFERENCE, len(self.space.domains)))
        last = self._last(units)
        median = float(np.median(last))
        best = units[np.argsort(-last)[:10]]
        for spread in (0.1, 0.05, 0.02, 0.01):
            near = np.clip(best[:, None] + rng.normal(0, spread, (len(best), 300, best.shape[1])), 0, 1)
            pool = np.concatenate([best, near.reshape(-1, best.shape[1])])
            best = pool[np.argsort(-self._last(pool))[:10]]
        return float(self._last(best).max()), median

    def _last(self, units: np.ndarray) -> np.ndarray:
        return self.after(self.points(units), np.full(len(units), EPOCHS))

    def points(self, units: np.ndarray) -> np.ndarray:
        """Return the configurations at these places (n, 7) of the unit cube."""
        rows = [_scaled(domain, units[:, i]) for i, domain in enumerate(self.space.domains.values())]
        return np.stack(rows, axis=1)

    def params(self, unit: np.ndarray) -> Params:
        """Return the configuration at a place (7,) of the unit cube."""
        values = self.points(unit[None])[0]
        return {
            name: int(value) if isinstance(domain, Int) else float(value)
            for (name, domain), value in zip(self.space.domains.items(), values, strict=True)
        }

    def regret(self, params: Params) -> float:
        """Return the distance of the last accuracy from the best, as a share of the median configuration's."""
        best, median = self.reference
        return max(0.0, (best - float(self.curve(params)[-1])) / (best - median))


def _domain(one: dict[str, Any]) -> Int | Uniform:
    if one["type"] == "uniform_int":
        return Int(one["lower"], one["upper"], log=one["log"])
    return Uniform(one["lower"], one["upper"], log=one["log"])


def _scaled(domain: Any, unit: np.ndarray) -> np.ndarray:
    low, high = (np.log(domain.low), np.log(domain.high)) if domain.log else (domain.low, domain.high)
    value = low + unit * (high - low)
    value = np.exp(value) if domain.log else value
    value = np.clip(value, domain.low, domain.high)
    return np.round(value) if isinstance(domain, Int) else value
