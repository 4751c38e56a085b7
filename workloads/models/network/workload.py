"""Makes a workload of a user's own network, a class derived from ``torch.nn.Module``: ``package.module:Net``.

    class Net(nn.Module):
        def __init__(self, shape, *, width: int = 64, dropout: float = 0.2):
            super().__init__()
            self.layers = nn.Sequential(
                nn.Flatten(), nn.Linear(shape.num_inputs, width), nn.ReLU(), nn.Dropout(dropout),
                nn.Linear(width, shape.num_outputs),
            )

        def forward(self, x):
            return self.layers(x)

The constructor's keyword-only arguments are hyperparameters, beside those of every training. This file imports no
torch, as it is needed to check a spec; a class's own module does, so what builds networks is imported late.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, make_dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from search_spaces.space.hyperparameters import Hyperparameter, hyper
from search_spaces.types.faults import did_you_mean
from search_spaces.types.problems import DataKind, Problem
from workloads.arrays import DataShape, Infeasible
from workloads.contract import Workload
from workloads.hyperparameters import Training
from workloads.models.network.declared import Declared, declared
from workloads.tables.hyperparameters import TableFeatures

if TYPE_CHECKING:
    from torch import device, dtype, nn

    from workloads.data.search_data import SearchData
    from workloads.tasks.contract import Task
    from workloads.training.batches import ResidentData
    from workloads.training.setup import Setup, Trainee

MODULE, LIGHTNING = "torch.nn.modules.module.Module", "LightningModule"
PROBLEMS: Mapping[DataKind, tuple[Problem, ...]] = {
    "table": ("classification", "regression"),
    "image": ("classification",),
    "text": ("language",),
    "series": ("forecast",),
}
SPACE: Mapping[str, Any] = {
    "lr": {"min": 1e-4, "max": 3e-2, "log": True},
    "batch_size": {"values": [32, 64, 128]},
    "weight_decay": {"min": 1e-6, "max": 1e-2, "log": True},
}
"""Hyperparameters of ours in the default space of a class without a ``space``."""


def is_network(found: object) -> bool:
    """Return whether ``found`` is a class derived from ``torch.nn.Module``; told by names, without torch."""
    return inspect.isclass(found) and any(f"{one.__module__}.{one.__qualname__}" == MODULE for one in found.__mro__)


@lru_cache(maxsize=64)  # trying what shapes the program takes some 50 ms
def network_of(name: str, cls: type) -> Workload:
    """Return the class as a workload; ``name`` is its name in the spec.

    Its attribute ``space`` is the default search space, ``loss`` and ``metrics`` are measured beside those of the
    data's problem. Raises LookupError with every fault of what it declares.
    """
    if any(one.__name__ == LIGHTNING for one in cls.__mro__):
        raise LookupError(
            f"{name!r} is a LightningModule, whose own training_step and optimizers would not be used: name a "
            "function that trains it, or a plain nn.Module"
        )
    found = declared(name, cls)
    hyperparameters = _hyperparameters(name, found)
    return Workload(
        name=name,
        summary=_summary(cls),
        hyperparameters=hyperparameters,
        space=_space(name, found, hyperparameters),
        problems=_problems(found),
        reports={f"val_{metric}": goal for metric, (_, goal) in found.metrics.items()},
        build=partial(_build, found),
        check=partial(_check, found),
        programs=partial(_programs, found),
        tryout=partial(_tryout, name, found),
        task=partial(_task, found),
        data=_data,
        by_row=True,
    )


def _summary(cls: type) -> str:
    return (cls.__doc__ or "a network of your own").strip().splitlines()[0]


def _problems(found: Declared) -> Mapping[DataKind, tuple[Problem, ...]]:
    """Return the problems by kind of data, those kinds first for which the network seems to be."""
    from workloads.models.network.shaping import fitting  # 1,200 ms: torch

    return {kind: PROBLEMS[kind] for kind in dict.fromkeys([*fitting(found), *PROBLEMS])}


def _hyperparameters(name: str, found: Declared) -> type:
    from workloads.models.network.shaping import shaping, shared_value  # 1,200 ms: torch

    if (kept := shared_value(found)) is not None:
        parameter, place = kept
        raise LookupError(
            f"{name!r}: the constructor keeps {parameter} in {place}, which all networks of a process share, so "
            f"that trials would compute with another's value: keep it in the network, as self.{parameter}"
        )
    shapes = shaping(found)
    own = [_field(one, one.name in shapes) for one in (*found.parameters, *found.of_loss)]
    idle: list[tuple[str, type, Any]] = []
    if found.loss is not None:
        without = f"no effect: {found.cls.__name__} has a loss of its own"
        idle = [
            ("label_smoothing", float, hyper(0.0, without, low=0, high=0)),
            ("class_weights", str, hyper("none", without, choices=("none",))),
        ]
    title = re.sub(r"\W", "_", name).title() + "Hyperparameters"
    first = make_dataclass(f"Own{title}", own, frozen=True, kw_only=True)
    return make_dataclass(title, idle, bases=(Training, TableFeatures, first), frozen=True, kw_only=True)


def _field(one: Hyperparameter, shapes: bool) -> tuple[str, type, Any]:
    rule = {
        key: value for key, value in vars(one).items() if key not in ("name", "type", "default", "doc", "required")
    }
    default = MISSING if one.required else one.default
    return one.name, one.type, hyper(default, one.doc, **{**rule, "shapes": shapes})


def _space(name: str, found: Declared, hyperparameters: type) -> Mapping[str, Any]:
    """Return the default space: the class's own, or ours with the bounded hyperparameters of the constructor."""
    given = getattr(found.cls, "space", None)
    if given is None:
        own = {one.name: inner for one in found.parameters if (inner := _natural(one))}
        return {**SPACE, **own}
    names = hyperparameters.__dataclass_fields__  # type: ignore[attr-defined] # a dataclass
    if not isinstance(given, Mapping):
        raise LookupError(f"{name!r}: space must be a mapping as a spec's parameters, received {given!r}")
    for parameter in given:
        if parameter not in names:
            hint = did_you_mean(parameter, names)
            raise LookupError(f"{name!r}: space names {parameter!r}, which is no hyperparameter{hint}")
    return given


def _natural(one: Hyperparameter) -> dict[str, Any] | None:
    """Return the domain of all values that are allowed; None where they have no two bounds."""
    if one.choices is not None:
        return {"values": list(one.choices)}
    if one.type is bool:
        return {"values": [False, True]}
    if one.low is None or one.high is None or one.low_open or one.high_open or one.low == one.high:
        return None
    wide = one.low > 0 and one.high / one.low >= 100
    return {"min": one.type(one.low), "max": one.type(one.high), **({"log": True} if wide else {})}


def _build(found: Declared, hp: Any, shape: DataShape) -> nn.Module:
    from workloads.models.network.build import build  # 1,200 ms: torch

    return build(found, hp, shape)


def _check(found: Declared, hp: Any, shape: DataShape) -> None:
    """Raise Infeasible where the class's loss cannot be that of this problem."""
    if found.loss is not None and shape.problem == "language":
        raise Infeasible("a loss of one's own is for other data: that of a text is always the cross-entropy")
    if hp.class_weights != "none" and shape.problem != "classification":
        raise Infeasible(f"class_weights must be none: there are no classes in a {shape.problem}")


def _programs(found: Declared, setup: Setup, members: Sequence[Trainee]) -> list[list[int]]:
    from workloads.models.network.tryout import programs  # 1,200 ms: torch

    return programs(found, setup, members)


def _tryout(name: str, found: Declared, hp: Any, search: SearchData) -> str | None:
    from workloads.models.network.first_try import first_try  # 1,200 ms: torch

    how = first_try(found, network_of(name, found.cls), hp, search)
    return how and f"{name} is trained {how}"


def _task(found: Declared, shape: DataShape, objective: str) -> Task:
    from workloads.models.network.task import task  # 1,200 ms: torch

    return task(found, shape, objective)


def _data(hp: Any, search: SearchData, device: device, dtype: dtype) -> ResidentData:
    from workloads.models.network.data import inputs  # 1,200 ms: torch

    return inputs(hp, search, device, dtype)
