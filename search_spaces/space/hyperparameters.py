"""Declares a workload's hyperparameters as fields of a frozen dataclass, with range, default and description."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from search_spaces.space.domain_contract import Domain, DomainFault, same
from search_spaces.types.values import Nested, Params, Value, distinct

KINDS = {int: "whole number", float: "number", bool: "true or false", str: "text", object: "value"}

Signature = tuple[tuple[str, object], ...]
"""Names of hyperparameters with what distinguishes their values."""


@dataclass(frozen=True, kw_only=True)
class Hyperparameter:
    """One hyperparameter of a workload: its type, range, default, and whether it shapes the program."""

    name: str
    type: type
    default: Value
    doc: str
    low: float | None = None
    """Smallest allowed value, inclusive unless ``low_open``."""
    high: float | None = None
    """Largest allowed value, inclusive unless ``high_open``."""
    low_open: bool = False
    high_open: bool = False
    choices: tuple[Value, ...] | None = None
    shapes: bool = False
    """True when the value is part of the signature; False when it is a number that differs between members."""
    prepares: bool = False
    """True when the value also changes the preprocessing: inputs are prepared once for each such value."""
    kinds: tuple[str, ...] = ()
    """Kinds of data on which it has an effect; empty: all."""
    problems: tuple[str, ...] = ()
    """Problems on which it has an effect; empty: all."""
    instead_of: str = ""
    """Name of another one that says the same in another way: a spec gives one of the two."""
    when: Mapping[str, tuple[Value, ...]] = dataclasses.field(default_factory=dict)
    """Values of others beside which alone it has an effect; empty: always."""
    nullable: bool = False
    """Whether None is a value of it."""
    required: bool = False
    """Whether it has no default, so that a spec must give it."""
    check: Callable[[Value], str | None] | None = None
    """Returns the rule that a value breaks, or None; for a hyperparameter of type ``object``."""
    words: str = ""
    """Allowed values in words, for a hyperparameter of type ``object``."""
    on_gpu: tuple[Value, ...] = ()
    """Values that need a GPU."""
    is_path: bool = False
    """Whether a text may name a file or a folder, relative to that of the spec's file."""

    def __post_init__(self) -> None:
        assert self.shapes or not self.prepares, f"{self.name} prepares the inputs, so it must shape the program"

    def has_effect(self, kind: str, problem: str) -> bool:
        """Return whether it has an effect where a ``problem`` is solved on data of this ``kind``."""
        return (not self.kinds or kind in self.kinds) and (not self.problems or problem in self.problems)

    @property
    def range(self) -> str:
        """Allowed values in words: ``0 <= dropout < 1`` or ``one of sgd, adam``."""
        if self.choices is not None:
            return "one of " + ", ".join(map(str, self.choices))
        if self.words:
            return self.words
        left = "" if self.low is None else f"{self.low:g} {'<' if self.low_open else '<='} "
        right = "" if self.high is None else f" {'<' if self.high_open else '<='} {self.high:g}"
        kind = KINDS[self.type]
        return f"{left}{self.name}{right}" if left or right else f"a {kind}"

    def fault(self, value: Value) -> str | None:
        """Return the rule that ``value`` breaks, or None. NaN and infinity break every numeric rule."""
        if value is None:
            return None if self.nullable else "must be a value"
        if self.type is object:
            return self.check(value) if self.check else None
        if isinstance(value, Nested):
            return "must be one value"
        if self.choices is not None:
            return None if any(same(value, one) for one in self.choices) else f"must be {self.range}"
        if self.type is bool:
            return None if isinstance(value, bool) else "must be true or false"
        if self.type is str:
            return None if isinstance(value, str) else "must be text"
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return "must be a finite number"
        if self.type is int and not float(value).is_integer():
            return "must be a whole number"
        return None if self._inside(value) else f"must hold {self.range}"

    def typed(self, value: Value) -> Value:
        """Return a value that is allowed in the hyperparameter's type."""
        if value is None or self.type is object:
            return value
        of_type: Value = self.type(value)
        return of_type

    def _inside(self, value: float) -> bool:
        above = self.low is None or (value > self.low if self.low_open else value >= self.low)
        below = self.high is None or (value < self.high if self.high_open else value <= self.high)
        return above and below


def hyper(default: Any, doc: str, **rule: Any) -> Any:
    """Return a dataclass field for a hyperparameter; ``rule`` holds the other fields of ``Hyperparameter``.

    With ``dataclasses.MISSING`` as its default it is required.
    """
    return dataclasses.field(default=default, metadata={"doc": doc, "rule": rule})


class Open:
    """Hyperparameters of a workload that takes whatever the spec names: it has no defaults, and knows no ranges."""

    def __init__(self, **params: Value) -> None:
        self.params: Params = params


_known: dict[type, Mapping[str, Hyperparameter]] = {Open: MappingProxyType({})}


def hyperparameters(cls: type) -> Mapping[str, Hyperparameter]:
    """Return the hyperparameters of the dataclass ``cls`` by name, in the order of its fields."""
    if cls not in _known:  # reading the type hints takes a millisecond, and every trial needs them
        _known[cls] = MappingProxyType(_read(cls))
    return _known[cls]


def _read(cls: type) -> dict[str, Hyperparameter]:
    hints = typing.get_type_hints(cls)
    return {f.name: of_field(f.name, _type(hints[f.name]), f) for f in dataclasses.fields(cls)}


def _type(hint: Any) -> type:
    """Return the type of an annotation; of ``float | None`` that is float."""
    found: type = typing.get_args(hint)[0] if isinstance(hint, types.UnionType) else hint
    return found


def of_field(name: str, kind: type, field: Any) -> Hyperparameter:
    """Return the hyperparameter of a dataclass's ``field``, as ``hyper`` made it."""
    return Hyperparameter(
        name=name,
        type=kind,
        default=None if field.default is dataclasses.MISSING else typing.cast(Value, field.default),
        required=field.default is dataclasses.MISSING,
        doc=field.metadata["doc"],
        **field.metadata["rule"],
    )


def complete(cls: type, params: Params) -> dict[str, Value]:
    """Return ``params`` with the defaults of ``cls`` filled in, each value converted to its field's type.

    Values that are None are left out, but of nullable hyperparameters. ``Open`` ones are returned as they are.
    """
    if cls is Open:
        return dict(params)
    known = hyperparameters(cls)
    assert set(params) <= set(known), set(params) - set(known)
    merged = {name: params.get(name, hp.default) for name, hp in known.items()}
    return {
        name: known[name].typed(value)
        for name, value in merged.items()
        if value is not None or (known[name].nullable and (name in params or not known[name].required))
    }


def defaults(known: Mapping[str, Hyperparameter], domains: Mapping[str, Domain]) -> dict[str, Value]:
    """Return the default of each hyperparameter; a required one that is searched has one of its domain.

    That is the first of its choices, or the middle of a range.
    """
    found = {name: hp.default for name, hp in known.items() if not hp.required}
    return found | {name: _middle(domain) for name, domain in domains.items() if known[name].required}


def _middle(domain: Domain) -> Value:
    try:
        points = domain.grid()
    except DomainFault:
        return domain.at(0.5)
    return points[0 if domain.bounds is None else (len(points) - 1) // 2]


def signature(cls: type, params: Params) -> Signature:
    """Return the signature of complete ``params``: the values that shape the program, equal within a cohort."""
    return tuple((name, distinct(params[name])) for name, hp in hyperparameters(cls).items() if hp.shapes)
