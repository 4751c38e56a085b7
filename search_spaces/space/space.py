"""A search space: domains by name, and conditions under which some of them exist."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import TYPE_CHECKING, Any

from search_spaces.space.domain_contract import Domain, DomainFault, same
from search_spaces.space.domains import Choice
from search_spaces.space.nearest import first_allowed, nearest
from search_spaces.space.requirement import Requirement
from search_spaces.types.values import Identity, Params, Value, identity

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import BaseTrial

MAX_COUNTED = 100_000
"""Largest number of points that are looked at to count those that satisfy the requirements."""

MAX_DRAWN = 20_000
"""Largest number of random configurations that are looked at for one near to the defaults."""

Condition = Mapping[str, tuple[Value, ...]]
"""Values of each parent parameter under which a child parameter exists; all parents must have one of theirs."""


@dataclass(frozen=True)
class Space:
    """Domains of the searched hyperparameters by name, parents first, with the conditions ``when`` by child.

    Every configuration satisfies the requirements ``require``, each of which is about searched parameters.
    Raises DomainFault where a condition names an unknown parameter, a value that its parent cannot have, or its own
    descendant.
    """

    domains: Mapping[str, Domain]
    when: Mapping[str, Condition] = field(default_factory=dict)
    require: tuple[Requirement, ...] = ()

    def __post_init__(self) -> None:
        for name, condition in self.when.items():
            self._check(name, condition)
        object.__setattr__(self, "domains", {name: self.domains[name] for name in _sorted(self.domains, self.when)})

        assert all(name in self.domains for one in self.require for name in one.searched), self.require

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
        """Names of the parameters with a logarithmic scale."""
        return frozenset(name for name, domain in self.domains.items() if domain.log)

    def exists(self, name: str, params: Params) -> bool:
        """Whether parameter ``name`` exists in a configuration with ``params``, which hold its parents."""
        return name not in self.when or all(
            parent in params and self.exists(parent, params) and self._is_one(parent, params[parent], values)
            for parent, values in self.when[name].items()
        )

    def _is_one(self, name: str, value: Value, wanted: Sequence[Value]) -> bool:
        """Whether a parameter's value is one of those ``wanted``; of choices such as 1 and true the same one."""
        domain = self.domains[name]
        if not isinstance(domain, Choice):
            return any(same(value, one) for one in wanted)
        place = domain.place(value)
        return place is not None and any(domain.place(one) == place for one in wanted)

    def active(self, params: Params) -> dict[str, Value]:
        """Return those ``params`` that are searched and whose conditions hold."""
        return {name: params[name] for name in self.domains if name in params and self.exists(name, params)}

    def own(self, params: Params) -> dict[str, Value]:
        """Return those ``params`` that are searched, with lists and mappings where they are texts in a store."""
        found = dict(params)
        for name, domain in self.domains.items():
            if name in found and isinstance(domain, Choice):
                place = domain.place(found[name])
                found[name] = found[name] if place is None else domain.values[place]
        return self.active(found)

    def first(self, defaults: Params | None, entries: Iterable[Params]) -> list[dict[str, Value]]:
        """Return the first configurations: the ``defaults``, then each entry completed by them, without repeats.

        Defaults that do not satisfy the requirements are changed as little as needed. Without any (None) the
        entries come first, each of which is complete.
        """
        moved = [self._moved(defaults or {})] if defaults is not None or not self.domains else []
        wanted = [*moved, *(self.active({**(defaults or {}), **given}) for given in entries)]
        return list({identity(params): params for params in wanted}.values())

    def _moved(self, defaults: Params) -> dict[str, Value]:
        params = self.active(defaults)
        if self.satisfies(params):
            return params
        if (key := identity(params)) not in self._moves:
            names = [name for name in params if name in self.required]

            def allowed(changed: Params) -> bool:
                return self.satisfies(self.active({**defaults, **changed}))

            drawn = (self.drawn(rng) for rng in [Random(0)] * MAX_DRAWN)
            others = itertools.chain(drawn, self.grid() if self.size() else ())
            found = nearest(self.domains, names, params, allowed) or first_allowed(names, params, others, allowed)
            self._moves[key] = self.active({**defaults, **(found or {})})
        return self._moves[key]

    @cached_property
    def _moves(self) -> dict[Identity, dict[str, Value]]:
        return {}

    def drawn(self, rng: Random) -> dict[str, Value]:
        """Return a configuration at random, whether or not it satisfies the requirements."""
        params: dict[str, Value] = {}
        for name, domain in self.domains.items():
            if self.exists(name, params):
                params[name] = domain.at(rng.random())
        return params

    def ask(self, trial: BaseTrial, held: Params | None = None) -> dict[str, Value]:
        """Sample one configuration by ``trial``, with only those parameters whose conditions hold.

        ``held`` are values that the sampler keeps fixed: they are returned as given, without rounding, and recorded
        in the trial like the others.
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
        """Return the internal values of ``params``, without those not searched or outside their domain."""
        return {name: domain.to_internal(params[name]) for name, domain in self._known(params)}

    def distributions(self, params: Params) -> dict[str, BaseDistribution]:
        """Return the distributions of ``internal(params)``, by name."""
        return self.laws(self.internal(params))

    def laws(self, names: Iterable[str]) -> dict[str, BaseDistribution]:
        """Return the distributions of these parameters, not to be changed: all trials share them."""
        asked = tuple(names)
        if asked not in self._laws_of:
            self._laws_of[asked] = {name: self.domains[name].distribution for name in asked}
        return self._laws_of[asked]

    def law_as_json(self, name: str) -> str:
        """Return the parameter's distribution as Optuna writes it."""
        if name not in self._laws_as_json:  # by name: Optuna takes the choices 1 and 1.0 and true as equal
            from optuna.distributions import distribution_to_json

            self._laws_as_json[name] = distribution_to_json(self.domains[name].distribution)
        return self._laws_as_json[name]

    @cached_property
    def _laws_as_json(self) -> dict[str, str]:
        return {}

    @cached_property
    def _laws_of(self) -> dict[tuple[str, ...], dict[str, BaseDistribution]]:
        return {}

    def contains(self, params: Params) -> bool:
        """Whether ``params`` are a configuration of the space: just the existing parameters, each in its domain."""
        there = {name for name in self.domains if self.exists(name, params)}
        inside = set(params) == there and all(self.domains[name].contains(params[name]) for name in there)
        return inside and self.satisfies(params)

    def satisfies(self, params: Params) -> bool:
        """Whether a configuration satisfies all requirements, whether or not its values lie in their domains."""
        return all(one.holds(params) for one in self.require)

    def broken(self, params: Params) -> Requirement | None:
        """Return the first requirement that a configuration does not satisfy."""
        return next((one for one in self.require if not one.holds(params)), None)

    @cached_property
    def _decided(self) -> dict[str, list[Requirement]]:
        """Requirements by the last of their parameters: they can be judged as soon as it has a value."""
        order = {name: place for place, name in enumerate(self.domains)}
        found: dict[str, list[Requirement]] = {}
        for one in self.require:
            found.setdefault(max(one.searched, key=order.__getitem__), []).append(one)
        return found

    def _holds_so_far(self, name: str, params: Params) -> bool:
        return all(one.holds(params) for one in self._decided.get(name, ()))

    def grid(self, held: Params | None = None) -> Iterator[dict[str, Value]]:
        """Yield every configuration with the ``held`` values once, varying the last parameter fastest.

        Raises DomainFault where a parameter that is not held is continuous.
        """
        return self._points(list(self.domains), {}, held or {})

    def _points(self, names: list[str], params: dict[str, Value], held: Params) -> Iterator[dict[str, Value]]:
        if not names:
            yield dict(params)
        elif self.exists(names[0], params):
            for value in self._levels(names[0], held):
                inner = {**params, names[0]: value}
                if self._holds_so_far(names[0], inner):
                    yield from self._points(names[1:], inner, held)
        elif names[0] not in held:
            yield from self._points(names[1:], params, held)

    def _levels(self, name: str, held: Params) -> Sequence[Value]:
        return (held[name],) if name in held else self.domains[name].grid()

    def size(self, held: Params | None = None) -> int | None:
        """Return the number of configurations with the ``held`` values.

        None where another is continuous, or where they are too many to see which satisfy the requirements.
        """
        key = identity(held or {})
        if key not in self._sizes:
            self._sizes[key] = self._size(held or {})
        return self._sizes[key]

    @cached_property
    def _sizes(self) -> dict[Identity, int | None]:
        return {}

    def _size(self, held: Params) -> int | None:
        try:
            counts = {name: len(self._levels(name, held)) for name in self.domains}
        except DomainFault:
            return None
        if math.prod(counts[name] for name in self.required) > MAX_COUNTED:
            return None
        walked = self.when or self.require
        return self._count(list(self.domains), {}, held) if walked else math.prod(counts.values())

    @cached_property
    def required(self) -> frozenset[str]:
        """Names of the parameters that requirements are about."""
        return frozenset(name for one in self.require for name in one.searched)

    def _count(self, names: list[str], params: dict[str, Value], held: Params) -> int:
        """Count configurations; values that no condition or requirement names are multiplied, not enumerated."""
        if not names:
            return 1
        name, rest = names[0], names[1:]
        if not self.exists(name, params):
            return 0 if name in held else self._count(rest, params, held)
        asked = [c[name] for c in self.when.values() if name in c]
        values = self._levels(name, held)
        if name in self.required:
            with_value = ({**params, name: value} for value in values)
            return sum(self._count(rest, inner, held) for inner in with_value if self._holds_so_far(name, inner))
        if not asked:
            return len(values) * self._count(rest, params, held)
        named = [v for v in values if any(same(v, a) for group in asked for a in group)]
        other = len(values) - len(named)
        walked = sum(self._count(rest, {**params, name: value}, held) for value in named)
        return walked + (other * self._count(rest, params, held) if other else 0)


def _sorted(domains: Mapping[str, Domain], when: Mapping[str, Condition]) -> list[str]:
    """Return the names, parents before children, otherwise in the given order. Raises DomainFault for a circle."""
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
