"""Finds by trying which hyperparameters shape a network's program, and which only change numbers in its buffers.

The constructor is called with several values of each; large parameters are not drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from search_spaces.space.hyperparameters import Hyperparameter
from search_spaces.types.problems import DataKind
from search_spaces.types.values import Value
from workloads.arrays import DataShape
from workloads.models.network.build import blank, sketch
from workloads.models.network.declared import Declared
from workloads.models.network.kept_outside import kept_outside
from workloads.models.network.same_program import difference

SHAPES: Mapping[DataKind, tuple[DataShape, ...]] = {
    "table": (DataShape((16,), 3),),
    "image": (DataShape((1, 8, 8), 10), DataShape((3, 32, 32), 10), DataShape((3, 224, 224), 10)),
    "series": (DataShape((24, 1), 1, "forecast"),),
    "text": (DataShape((64,), 32, "language", vocabulary="abcdefghijklmnopqrstuvwxyz .,;!"),),
}
"""Data on which a class is tried, until it accepts one of them: its structure hardly depends on which."""
MOST_PARAMETERS = 2_000_000
"""Larger networks are not run to find the kinds of data that they take."""
MOST_CHOICES = 16
MOST_STARTS = 48
"""Combinations of values around which the others are varied."""


def shaping(declared: Declared) -> frozenset[str]:
    """Return the names of the constructor's hyperparameters that shape the program; all where no trying helps."""
    defaults = {one.name: _first(one) for one in declared.parameters}
    everything = frozenset(defaults)
    shape = _accepted(declared, defaults)
    if shape is None or not everything:
        return everything
    found = {one.name for one in declared.parameters if not _is_number(one)}
    starts: list[Mapping[str, Any]] = [defaults]
    for start in starts:  # grows while it is read
        base = sketch(declared, start, shape)
        if base is None or _differs(base, sketch(declared, start, shape, seed=1)):
            return everything
        for one in declared.parameters:
            for value in _values(one):
                changed = {**start, one.name: value}
                new = None if one.name in found and start is not defaults else sketch(declared, changed, shape)
                if new is not None and (one.name in found or _differs(base, new)):
                    found.add(one.name)
                    starts += [changed] if start is defaults and len(starts) < MOST_STARTS else []
    return frozenset(found)


def shared_value(declared: Declared) -> tuple[str, str] | None:
    """Return a hyperparameter whose value the constructor keeps where all networks share it, and where; or None."""
    defaults = {one.name: _first(one) for one in declared.parameters}
    shape = _accepted(declared, defaults)
    if shape is None:
        return None
    others = {one.name: _values(one) for one in declared.parameters}
    return kept_outside(declared.cls, defaults, others, lambda values: sketch(declared, values, shape))


def _accepted(declared: Declared, values: Mapping[str, Any]) -> DataShape | None:
    """Return data for which a network with these values can be made."""
    shapes = (shape for several in SHAPES.values() for shape in several)
    return next((shape for shape in shapes if sketch(declared, values, shape) is not None), None)


def fitting(declared: Declared) -> list[DataKind]:
    """Return the kinds of data for which a network with the default values gives what is to be predicted."""
    given = {one.name: _first(one) for one in declared.parameters}
    return [
        kind for kind, shapes in SHAPES.items() if any(_fits(sketch(declared, given, one), one) for one in shapes)
    ]


def _fits(model: nn.Module | None, shape: DataShape) -> bool:
    if model is None or sum(parameter.numel() for parameter in model.parameters()) > MOST_PARAMETERS:
        return False
    steps = shape.example if shape.problem == "language" else ()
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            return bool(model.eval()(blank(shape)).shape == (2, *steps, shape.num_outputs))
    except Exception:  # noqa: BLE001 - a user's code on data that it is not for
        return False


def _differs(one: nn.Module, other: nn.Module | None) -> bool:
    return other is None or difference(one, other) is not None


def _is_number(one: Hyperparameter) -> bool:
    """Return whether its values can be numbers of each member; words can be, by their place among the choices."""
    return one.type is not object and not one.nullable and (one.type is not str or bool(one.choices))


def _first(one: Hyperparameter) -> Value:
    """Return the default, or some value of a hyperparameter that has none."""
    if not one.required:
        return one.default
    return next(iter(_values(one)), None)


def _values(one: Hyperparameter) -> Iterator[Value]:
    """Yield values other than the default that the declared rule allows, near to it and far from it."""
    tried: list[Any] = []
    if one.choices:
        tried = list(one.choices)[:MOST_CHOICES]
    elif one.type is bool:
        tried = [False, True]
    elif one.type in (int, float):
        default = 8 if one.required or one.default is None else one.default
        bounds = [value for value in (one.low, one.high) if value is not None]
        near = [default, default * 2, default / 2, default + 1, default - 1, 0, 0.5, *bounds]  # type: ignore
        tried = list(dict.fromkeys(one.type(value) for value in near))
    yield from (value for value in tried if one.fault(value) is None and (one.required or value != one.default))
