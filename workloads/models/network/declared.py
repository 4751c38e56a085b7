"""Reads what a user's network declares: its constructor, its loss, its metrics. Imports no torch."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from search_spaces.space.hyperparameters import Hyperparameter
from search_spaces.types.faults import nearest
from search_spaces.types.problems import Goal
from workloads.arrays import DataShape
from workloads.hyperparameters import Training
from workloads.tables.hyperparameters import TableFeatures

TYPES = (float, int, str, bool)
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
class Parameter:
    """One hyperparameter of the user's own, as it is declared; ``fault`` says what is wrong with it."""

    name: str
    type: type
    default: Any
    doc: str
    rule: Mapping[str, Any] = field(default_factory=dict)
    """Bounds and choices, as ``Hyperparameter`` has them."""

    def known(self, *, shapes: bool) -> Hyperparameter:
        """Return it as a hyperparameter."""
        return Hyperparameter(
            name=self.name, type=self.type, default=self.default, doc=self.doc, shapes=shapes, **self.rule
        )


@dataclass(frozen=True)
class Declared:
    """All that a class declares."""

    cls: type
    facts: tuple[str, ...]
    """Names of the constructor's arguments before ``*``."""
    parameters: tuple[Parameter, ...]
    """Hyperparameters of the constructor."""
    of_loss: tuple[Parameter, ...] = ()
    """Those of ``loss``."""
    loss: Callable[..., Any] | None = None
    metrics: Mapping[str, tuple[Callable[..., Any], Goal]] = field(default_factory=dict)

    def arguments(self, shape: DataShape) -> list[Any]:
        """Return the constructor's arguments before ``*`` for data of this shape."""
        return [FACTS[name](shape) if name in FACTS else shape for name in self.facts]


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


def _constructor(cls: type, faults: list[str]) -> tuple[tuple[str, ...], tuple[Parameter, ...]]:
    init = typing.cast(Any, cls).__init__
    _, *others = inspect.signature(init).parameters.values()
    shown = f"def __init__(self, shape, *, width: int = 64) of {cls.__name__}"
    if any(one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD) for one in others):
        faults.append(f"its constructor must name what it takes, as {shown}, received {_written(others)}")
        return (), ()
    before = [one for one in others if one.kind is not one.KEYWORD_ONLY and one.default is one.empty]
    late = [one for one in others if one.kind is not one.KEYWORD_ONLY and one.default is not one.empty]
    if late:
        faults.append(f"hyperparameters must be keyword-only: write '*, ' before {late[0].name!r}, as {shown}")
    if not before:
        faults.append(f"its constructor must take the data's shape first, as {shown}")
    unknown = [one.name for one in before if one.name not in FACTS]
    if len(before) > 1 and unknown:
        close = nearest(unknown[0], FACTS)
        hint = f" (did you mean {close}?)" if close else ""
        faults.append(
            f"before * the constructor takes the data's shape alone, or several of {', '.join(FACTS)}; "
            f"received {unknown[0]!r}{hint}: hyperparameters stand behind *"
        )
    found = [_parameter(init, one, cls.__name__, faults) for one in others if one.kind is one.KEYWORD_ONLY]
    return tuple(one.name for one in before), tuple(one for one in found if one)


def _parameter(
    function: Callable[..., Any], one: inspect.Parameter, owner: str, faults: list[str]
) -> Parameter | None:
    before = len(faults)
    if one.name in OURS or one.name in SAME_AS_OURS:
        own = SAME_AS_OURS.get(one.name, one.name)
        faults.append(
            f"parameter {one.name!r} of {owner}: {own} is Paceline's own hyperparameter, call it otherwise"
        )
    if one.default is one.empty:
        faults.append(f"parameter {one.name!r} of {owner} needs a default, which the first trial takes")
        return None
    kind, rule, doc = _read(function, one)
    if kind not in TYPES:
        faults.append(
            f"parameter {one.name!r} of {owner} must be of type float, int, str, bool or Literal, "
            f"received {getattr(kind, '__name__', kind)}"
        )
        return None
    if kind is str and "choices" not in rule:
        rule = {**rule, "choices": None}
    found = Parameter(one.name, kind, one.default, doc or f"parameter of {owner}", rule)
    if broken := found.known(shapes=True).fault(one.default):
        faults.append(f"the default of {one.name!r} of {owner} {broken}, received {one.default!r}")
    return found if len(faults) == before else None


def _read(function: Callable[..., Any], one: inspect.Parameter) -> tuple[Any, dict[str, Any], str]:
    """Return type, rule and description by an annotation: ``Annotated`` and ``Literal`` are understood."""
    given = _hint(function, one)
    rule: dict[str, Any] = {}
    doc = ""
    if typing.get_origin(given) is typing.Annotated:
        given, *notes = typing.get_args(given)
        for note in notes:
            doc = note if isinstance(note, str) else getattr(note, "description", None) or doc
            for part in (note, *getattr(note, "metadata", ())):
                rule |= _bounds(part)
    if typing.get_origin(given) is typing.Literal:
        choices = typing.get_args(given)
        kinds = {type(choice) for choice in choices}
        return (kinds.pop() if len(kinds) == 1 else given), {**rule, "choices": choices}, doc
    if given is float and isinstance(one.default, int) and not isinstance(one.default, bool):
        return float, rule, doc
    return given, rule, doc


def _bounds(note: object) -> dict[str, Any]:
    """Return the bounds of a note such as ``annotated_types.Ge(0)`` or ``pydantic.Field(gt=0, le=1)``."""
    rule: dict[str, Any] = {}
    for name, key, is_open in (("ge", "low", 0), ("gt", "low", 1), ("le", "high", 0), ("lt", "high", 1)):
        value = getattr(note, name, None)
        if isinstance(value, int | float) and not isinstance(value, bool):
            rule |= {key: value, f"{key}_open": bool(is_open)}
    return rule


def _hint(function: Callable[..., Any], one: inspect.Parameter) -> Any:
    """Return a parameter's annotation, of words too; the default's type where there is none or it names nothing."""
    if one.annotation is one.empty:
        return type(one.default)
    alone = types.SimpleNamespace(__annotations__={one.name: one.annotation})
    try:
        return typing.get_type_hints(alone, getattr(function, "__globals__", {}), include_extras=True)[one.name]
    except (NameError, TypeError, AttributeError):
        return type(one.default)


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


def _loss(cls: type, faults: list[str]) -> tuple[Callable[..., Any] | None, tuple[Parameter, ...]]:
    loss = getattr(cls, "loss", None)
    if loss is None:
        return None, ()
    form = "loss must be a static method (outputs, targets, *, hyperparameters with defaults)"
    if not callable(loss) or not (inspect.isfunction(loss) or inspect.isbuiltin(loss)):
        if callable(loss):
            return loss, ()
        faults.append(f"{form}, received {type(loss).__name__}")
        return None, ()
    others = list(inspect.signature(loss).parameters.values())
    before = [one for one in others if one.kind is not one.KEYWORD_ONLY]
    needed = [one for one in before if one.default is one.empty]
    if len(before) < 2 or len(needed) > 2 or before[0].name == "self":
        faults.append(f"{form}, received {_written(others)}: without self, as many networks share one program")
        return None, ()
    behind = (one for one in others if one.kind is one.KEYWORD_ONLY)
    found = [_parameter(loss, one, f"{cls.__name__}.loss", faults) for one in behind]
    of_loss = tuple(one for one in found if one)
    faults += [
        f"parameter {one.name!r} of {cls.__name__}.loss must be a number, received {one.type.__name__}"
        for one in of_loss
        if one.type is str
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
