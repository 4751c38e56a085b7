"""A search space: domains by name, and which of them exist only under another's value."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from search_spaces.space.domain_contract import Domain, DomainFault, same
from search_spaces.types.values import Params, Value

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import BaseTrial

Condition = Mapping[str, tuple[Value, ...]]
"""Parent -> values under which the child exists; all parents must agree."""


@dataclass(frozen=True)
class Space:
    """``domains`` in the order asked (parents first, otherwise as given); ``when`` holds the conditions.

    DomainFault where a condition names no parameter, a value its parent never has, or its own descendant.
    """

    domains: Mapping[str, Domain]
    when: Mapping[str, Condition] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, condition in self.when.items():
            self._check(name, condition)
        object.__setattr__(self, "domains", {name: self.domains[name] for name in _sorted(self.domains, self.when)})

    def _check(self, name: str, condition: Condition) -> None:
        assert name in self.domains, name
        for parent, values in condition.items():
            if parent not in self.domains:
                raise DomainFault(f"{name}.when.{parent}", "must name another parameter", parent)
            for value in values:
                if not self.domains[parent].contains(value):
                    rule = f"must be a value that {parent} can have ({self.domains[parent]})"
                    raise DomainFault(f"{name}.when.{parent}", rule, value)

    def __str__(self) -> str:
        return "\n".join(f"{name}: {domain}{self._condition(name)}" for name, domain in self.domains.items())

    def _condition(self, name: str) -> str:
        parents = self.when.get(name, {}).items()
        return "".join(f", when {parent} is {' or '.join(map(str, values))}" for parent, values in parents)

    @cached_property
    def log_scaled(self) -> frozenset[str]:
        """The parameters in which factors matter, not differences."""
        return frozenset(name for name, domain in self.domains.items() if domain.log)

    def exists(self, name: str, params: Params) -> bool:
        """Whether ``name`` exists beside ``params``, which hold its parents if they exist."""
        return all(
            parent in params and self.exists(parent, params) and any(same(params[parent], v) for v in values)
            for parent, values in self.when.get(name, {}).items()
        )

    def active(self, params: Params) -> dict[str, Value]:
        """The part of ``params`` that is searched and exists beside the rest of it."""
        return {name: params[name] for name in self.domains if name in params and self.exists(name, params)}

    def first(self, defaults: Params, entries: Iterable[Params]) -> list[dict[str, Value]]:
        """What is tried first, each once: the ``defaults``, and every entry with the defaults filled in."""
        wanted = [self.active({**defaults, **given}) for given in ({}, *entries)]
        return list({frozenset(params.items()): params for params in wanted}.values())

    def ask(self, trial: BaseTrial, held: Params | None = None) -> dict[str, Value]:
        """The values of one configuration, drawn by ``trial``'s sampler: only the parameters that exist in it.

        ``held`` are values the sampler was told to keep to: they are taken as given, free of rounding, and
        recorded in the trial like all others.
        """
        params: dict[str, Value] = {}
        for name, domain in self.domains.items():
            if self.exists(name, params):
                drawn = domain.to_value(_suggested(trial, name, domain.distribution))
                params[name] = held[name] if held and name in held else drawn
        return params

    def _known(self, params: Params) -> Iterator[tuple[str, Domain]]:
        for name, domain in self.domains.items():
            if name in params and self.exists(name, params) and domain.contains(params[name]):
                yield name, domain

    def internal(self, params: Params) -> dict[str, Any]:
        """``params`` as Optuna stores them. What is not searched, or lies outside its domain, is left out."""
        return {name: domain.to_internal(params[name]) for name, domain in self._known(params)}

    def distributions(self, params: Params) -> dict[str, BaseDistribution]:
        """The distributions that belong to ``internal(params)``."""
        return {name: domain.distribution for name, domain in self._known(params)}

    def contains(self, params: Params) -> bool:
        """Whether ``params`` is a configuration that ``ask`` could give: what exists is there, and nothing else."""
        there = {name for name in self.domains if self.exists(name, params)}
        return set(params) == there and all(self.domains[name].contains(params[name]) for name in there)

    def grid(self) -> Iterator[dict[str, Value]]:
        """Every configuration once, the last parameter moving fastest. DomainFault if a domain is continuous."""
        return self._points(list(self.domains), {})

    def _points(self, names: list[str], params: dict[str, Value]) -> Iterator[dict[str, Value]]:
        if not names:
            yield dict(params)
        elif not self.exists(names[0], params):
            yield from self._points(names[1:], params)
        else:
            for value in self.domains[names[0]].grid():
                yield from self._points(names[1:], {**params, names[0]: value})

    def size(self) -> int | None:
        """The number of grid points, or None when a domain is continuous."""
        return self._size

    @cached_property
    def _size(self) -> int | None:
        try:
            counts = {name: len(domain.grid()) for name, domain in self.domains.items()}
        except DomainFault:
            return None
        return self._count(list(self.domains), {}) if self.when else math.prod(counts.values())

    def _count(self, names: list[str], params: dict[str, Value]) -> int:
        """Values that no condition asks for are counted, not walked through."""
        if not names:
            return 1
        name, rest = names[0], names[1:]
        if not self.exists(name, params):
            return self._count(rest, params)
        asked = [c[name] for c in self.when.values() if name in c]
        values = self.domains[name].grid()
        if not asked:
            return len(values) * self._count(rest, params)
        named = [v for v in values if any(same(v, a) for group in asked for a in group)]
        other = len(values) - len(named)
        walked = sum(self._count(rest, {**params, name: value}) for value in named)
        return walked + (other * self._count(rest, params) if other else 0)


def _sorted(domains: Mapping[str, Domain], when: Mapping[str, Condition]) -> list[str]:
    """Parents before children, otherwise in the order given; DomainFault for a circle."""
    order: list[str] = []
    left = list(domains)
    while left:
        ready = next((name for name in left if set(when.get(name, {})) <= set(order)), None)
        if ready is None:
            circle = [name for name in left if when.get(name)]
            raise DomainFault(f"{circle[0]}.when", f"must not go in a circle ({', '.join(circle)})")
        order.append(ready)
        left.remove(ready)
    return order


def _suggested(trial: BaseTrial, name: str, law: BaseDistribution) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(law, FloatDistribution):
        return trial.suggest_float(name, law.low, law.high, step=law.step, log=law.log)
    if isinstance(law, IntDistribution):
        return trial.suggest_int(name, law.low, law.high, step=law.step, log=law.log)
    assert isinstance(law, CategoricalDistribution), law
    return trial.suggest_categorical(name, law.choices)
