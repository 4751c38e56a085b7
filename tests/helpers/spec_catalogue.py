"""A small catalogue for tests of the spec: a workload for any data, one for images only, and three data sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from search_spaces.samplers.catalogue import SAMPLERS
from search_spaces.schedules.catalogue import SCHEDULES
from search_spaces.space.hyperparameters import Open, hyper
from search_spaces.types.catalogue import Catalogue, DatasetInfo
from search_spaces.types.problems import DataKind, Goal, Problem, metrics_of


@dataclass(frozen=True, kw_only=True)
class Numbers:
    lr: float = hyper(0.01, "learning rate", low=1e-6, high=10.0)
    batch_size: int = hyper(64, "examples a step", low=1, high=4096, shapes=True)
    weight_decay: float = hyper(0.0, "L2 penalty", low=0.0, high=1.0)
    momentum: float = hyper(0.9, "momentum", low=0.0, high=1.0, high_open=True)
    optimizer: str = hyper("adam", "update rule", choices=("sgd", "adam", "adamw", "rmsprop"), shapes=True)
    dropout: float = hyper(0.0, "share dropped", low=0.0, high=1.0, high_open=True)
    depth: int = hyper(2, "hidden layers", low=1, high=16, shapes=True)
    width: int = hyper(64, "units of a layer", low=1, high=4096, shapes=True)
    batch_norm: bool = hyper(False, "normalise each layer", shapes=True)


@dataclass(frozen=True)
class TestWorkload:
    name: str
    problems: Mapping[DataKind, tuple[Problem, ...]]
    summary: str = "a workload of the tests"
    judged: bool = True
    own_data: bool = False
    has_test: bool = False
    own_metrics: bool = False
    has_test: bool = False
    may_report_test: Callable[[], bool] = bool
    reports: Mapping[str, Goal] = field(default_factory=dict)
    divides_work: bool = False
    one_process: bool = False
    unread: Mapping[str, str] = field(default_factory=dict)
    init_values: Mapping[str, Any] = field(default_factory=dict)
    init_values_on: Mapping[DataKind, Mapping[str, Any]] = field(default_factory=dict)
    hyperparameters: type = Numbers
    space: Mapping[str, Any] = field(
        default_factory=lambda: {
            "lr": {"min": 1e-4, "max": 0.1, "log": True},
            "batch_size": {"values": [32, 64, 128]},
            "dropout": {"min": 0.0, "max": 0.5},
        }
    )

    def scores(self, metric: str) -> bool:
        return self.judged and not self.own_metrics

    def metrics(self, kind: DataKind | None) -> Mapping[str, Goal]:
        return metrics_of(["classification"])


_CLASSES: tuple[Problem, ...] = ("classification",)
_WORKLOADS = {
    "mlp": TestWorkload("mlp", {"table": _CLASSES, "image": _CLASSES}),
    "cnn": TestWorkload("cnn", {"image": _CLASSES}),
}
_SCRIPT = TestWorkload("script", {}, judged=False, own_data=True, hyperparameters=Open, space={})
_DATASETS = {
    "digits": DatasetInfo("digits", "image", "digits"),
    "breast_cancer": DatasetInfo("breast_cancer", "table", "biopsies"),
    "wine": DatasetInfo("wine", "table", "wine"),
}


def _workload(name: str) -> TestWorkload:
    known = {**_WORKLOADS, _SCRIPT.name: _SCRIPT}
    if name not in known:
        raise LookupError(f"{name!r} cannot be imported")
    return known[name]


CATALOGUE = Catalogue(
    workload=_workload,
    workload_names=tuple(_WORKLOADS),
    datasets=_DATASETS,
    samplers=SAMPLERS,
    schedules=SCHEDULES,
)
