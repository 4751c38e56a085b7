"""Changes single hyperparameters for population based training: a little, or drawn anew from their domain."""

from __future__ import annotations

import math
from random import Random

from search_spaces.space.domain_contract import Domain, is_number
from search_spaces.space.domains import Choice, Int, Uniform
from search_spaces.types.values import Value


def drawn(domain: Domain, random: Random) -> Value:
    """Return a value of the domain, by its own distribution."""
    domain = _levels(domain)
    if isinstance(domain, Choice):
        return random.choice(domain.values) if domain.probabilities is None else domain.to_value(random.random())
    law, place = domain.distribution, random.random()
    low, high, step = law.low, law.high, law.step  # type: ignore[attr-defined]
    if law.log:  # type: ignore[attr-defined]
        inner = math.exp(math.log(low) + place * (math.log(high) - math.log(low)))
        return domain.to_value(round(inner) if isinstance(domain, Int) else min(max(inner, low), high))
    if step:
        return domain.to_value(low + step * math.floor(place * (round((high - low) / step) + 1)))
    return domain.to_value(low + place * (high - low))


def perturbed(domain: Domain, value: Value, share: float, random: Random) -> Value:
    """Return the value times ``1 + share`` or ``1 - share``, within the domain; of choices among numbers the next.

    Where steps are wider than that it moves by one step. A choice that is not among numbers keeps its value.
    """
    up, domain = random.random() < 0.5, _levels(domain)
    if not domain.contains(value):
        return drawn(domain, random)
    if isinstance(domain, Choice):
        return _beside(domain, value, up)
    assert is_number(value) and domain.bounds is not None, (domain, value)
    low, high = domain.bounds
    wanted = min(max(value * (1 + share if up else 1 - share), low), high)
    moved = domain.to_value(round(wanted) if isinstance(domain, Int) else domain.to_internal(wanted))
    if isinstance(domain, Int):
        moved = domain.low + round((wanted - domain.low) / domain.step) * domain.step
    step = getattr(domain, "step", None) or getattr(domain, "q", None)
    if step and moved == value and wanted != value:
        moved = value + math.copysign(step, wanted - value)
        moved = int(moved) if isinstance(domain, Int) else domain.to_value(domain.to_internal(moved))
    return moved if domain.contains(moved) else value


def _levels(domain: Domain) -> Domain:
    """Return the choice that a range is which a count cuts to a few values; any other domain as it is."""
    return Choice(tuple(domain.grid())) if isinstance(domain, Uniform | Int) and domain.count else domain


def _beside(domain: Choice, value: Value, up: bool) -> Value:
    if not all(map(is_number, domain.values)):
        return value
    levels = sorted(domain.values)  # type: ignore[type-var]
    place = next(i for i, level in enumerate(levels) if level == value) + (1 if up else -1)
    return levels[min(max(place, 0), len(levels) - 1)]
