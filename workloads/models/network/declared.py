"""Reads what a user's network declares: its constructor, its loss, its metrics. Imports no torch."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from search_spaces.space.hyperparameters import Hyperparameter, of_field
from search_spaces.types.faults import did_you_mean
from search_spaces.types.problems import Goal
from workloads.arrays import DataShape
from workloads.hyperparameters import Training
from workloads.models.custom.signature import converted, keyword_fields
from workloads.tables.hyperparameters import TableFeatures

OURS = {known.name: cls.__name__ for cls in (Training, TableFeatures) for known in fields(cls)}
SAME_AS_OURS = {"learning_rate": "lr", "bs": "batch_size", "optim": "optimizer", "wd": "weight_decay"}
"""Names that others have for hyperparameters of ours."""
FACTS: Mapping[str, Callable[[DataShape], Any]] = {
    "num_inputs": lambda shape: shape.num_inputs,
    "num_features": lambda shape: shape.num_inputs,
    "in_features": lambda shape: shape.num_inputs,
    "num_outputs": lambda shape: shape.num_outputs,
    "num_classes": lambda shape: shape.num_outputs,
    "out_features": lambda shape: shape.num_outputs,
    "num_channels": lambda shape: shape.num_channels,
    "in_channels": lambda shape: shape.num_channels,
    "num_steps": lambda shape: shape.num_steps,
    "example": lambda shape: shape.example,
}
"""What a constructor may ask for by name, before ``*``; one argument of any other name is the whole shape."""
GOALS: tuple[Goal, ...] = ("minimize", "maximize")


@dataclass(frozen=True)
class Declared:
    """All that a class declares."""

    cls: type
    facts: tuple[str, ...]
    """Names of the constructor's arguments before ``*``."""
    parameters: tuple[Hyperparameter, ...]
    """Hyperparameters of the constructor."""
    of_loss: tuple[Hyperparameter, ...] = ()
    """Those of ``loss``."""
    loss: Callable[..., Any] | None = None
    metrics: Mapping[str, tuple[Callable[..., Any], Goal]] = field(default_factory=dict)

    def values(self, hp: Any) -> dict[str, Any]:
        """Return the values of the constructor's hyperparameters in ``hp``."""
        return {one.name: getattr(hp, one.name) for one in self.parameters}

    def network(self, given: Mapping[str, Any], shape: DataShape) -> Any:
        """Return the network that the constructor makes of the values ``given`` for data of this shape."""
        facts = [FACTS[name](shape) if name in FACTS else shape for name in self.facts]
        return self.cls(*facts, **converted(_init(self.cls), given))


def declared(name: str, cls: type) -> Declared:
    """Return what ``cls`` declares. Raises LookupError with every fault; ``name`` is the workload's in the spec."""
    faults: list[str] = []
    facts, parameters = _constructor(cls, faults)
    _check_forward(cls, faults)
    loss, of_loss = _loss(cls, faults)
    metrics = dict(_metrics(cls, faults))
    for one in of_loss:
        if any(one.name == other.name for other in parameters):
            faults.append(f"{one.name!r} is a hyperparameter of the constructor and of loss: name them differently")
    if faults:
        raise LookupError(f"{name!r}: {'; '.join(faults)}")
    return Declared(cls, facts, parameters, of_loss, loss, metrics)


def _init(cls: type) -> Callable[..., Any]:
    found: Callable[..., Any] = typing.cast(Any, cls).__init__
    return found


def _constructor(cls: type, faults: list[str]) -> tuple[tuple[str, ...], tuple[Hyperparameter, ...]]:
    init = _init(cls)
    _, *others = inspect.signature(init).parameters.values()
    shown = f"def __init__(self, shape, *, width: int = 64) of {cls.__name__}"
    if "__init__" not in vars(cls) and init.__qualname__.startswith("Module."):
        faults.append(f"it has no constructor: {shown}")
        return (), ()
    open_ended = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    named = [one for one in others if one.kind not in open_ended]
    before = [one for one in named if one.kind is not one.KEYWORD_ONLY and one.default is one.empty]
    if not before:
        faults.append(f"its constructor must take the data's shape first, as {shown}")
    unknown = [one.name for one in before if one.name not in FACTS]
    if len(before) > 1 and unknown:
        faults.append(
            f"before * the constructor takes the data's shape alone, or several of {', '.join(FACTS)} "
            f"(hyperparameters stand behind *); received {unknown[0]!r}{did_you_mean(unknown[0], FACTS)}"
        )
    behind = [one for one in others if one not in before]
    return tuple(one.name for one in before), _parameters(init, behind, cls.__name__, faults)


def _parameters(
    function: Callable[..., Any], given: Sequence[inspect.Parameter], owner: str, faults: list[str]
) -> tuple[Hyperparameter, ...]:
    """Return the hyperparameters that a function asks for, ``owner`` being its name for people."""
    found = tuple(of_field(*one) for one in keyword_fields(function, given, owner, faults))
    for one in found:
        if one.name in OURS or one.name in SAME_AS_OURS:
            own = SAME_AS_OURS.get(one.name, one.name)
            faults.append(
                f"parameter {one.name!r} of {owner}: {own} is Paceline's own hyperparameter, call it otherwise"
            )
        if not one.required and (broken := one.fault(one.default)):
            faults.append(f"the default of {one.name!r} of {owner} {broken}, received {one.default!r}")
    return found


def _check_forward(cls: type, faults: list[str]) -> None:
    forward = getattr(cls, "forward", None)
    if forward is None or getattr(forward, "__qualname__", "").startswith("_forward_unimplemented"):
        faults.append(f"{cls.__name__} has no method forward(self, x)")
        return
    try:
        _, *others = inspect.signature(forward).parameters.values()
    except ValueError:
        return
    needed = [one.name for one in others if one.default is one.empty and one.kind is not one.VAR_KEYWORD]
    if len(needed) > 1:
        faults.append(
            f"forward must take the inputs alone, received {', '.join(needed)}: what needs the targets belongs "
            "into loss(outputs, targets), a static method beside it"
        )


def _loss(cls: type, faults: list[str]) -> tuple[Callable[..., Any] | None, tuple[Hyperparameter, ...]]:
    loss = getattr(cls, "loss", None)
    if loss is None:
        return None, ()
    form = "loss must be a static method (outputs, targets, *, hyperparameters with defaults)"
    if not callable(loss):
        faults.append(f"{form}, received {type(loss).__name__}")
        return None, ()
    if not (inspect.isfunction(loss) or inspect.isbuiltin(loss)):  # an object, such as nn.CrossEntropyLoss()
        return loss, ()
    others = list(inspect.signature(loss).parameters.values())
    before = [one for one in others if one.kind is not one.KEYWORD_ONLY]
    needed = [one for one in before if one.default is one.empty]
    if len(before) < 2 or len(needed) > 2 or before[0].name == "self":
        faults.append(f"{form}, received {_written(others)}: without self, as many networks share one program")
        return None, ()
    behind = [one for one in others if one.kind is one.KEYWORD_ONLY]
    of_loss = _parameters(loss, behind, f"{cls.__name__}.loss", faults)
    faults += [
        f"parameter {one.name!r} of {cls.__name__}.loss must be a number with a default"
        for one in of_loss
        if one.type not in (float, int, bool) or one.required or one.nullable
    ]
    return loss, of_loss


def _metrics(cls: type, faults: list[str]) -> Iterator[tuple[str, tuple[Callable[..., Any], Goal]]]:
    form = f"metrics of {cls.__name__} must be {{'name': (function(outputs, targets), 'minimize' or 'maximize')}}"
    given = getattr(cls, "metrics", {})
    if not isinstance(given, Mapping):
        faults.append(f"{form}, received {type(given).__name__}")
        return
    for name, value in given.items():
        function, goal = value if isinstance(value, tuple) and len(value) == 2 else (value, None)
        function = function.__func__ if isinstance(function, staticmethod) else function
        short = name.removeprefix("val_") if isinstance(name, str) else ""
        if not re.fullmatch(r"\w+", short) or not callable(function) or goal not in GOALS:
            faults.append(f"{form}, received {name!r}: {value!r}")
        elif short == "loss":
            faults.append("the metric 'loss' is there already: call yours otherwise")
        else:
            yield short, (function, goal)


def _written(parameters: typing.Iterable[inspect.Parameter]) -> str:
    return f"({', '.join(str(one) for one in parameters)})"
