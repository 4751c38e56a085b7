"""The configuration nearest to one that does not satisfy a space's requirements: as few values change as needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations, product

from search_spaces.space.domain_contract import Domain, is_number
from search_spaces.types.values import Params, Value, distinct

NUM_LEVELS = (65, 33, 9, 5)
"""Number of values of each parameter that are tried where one, two, three or four of them change."""


def nearest(
    domains: Mapping[str, Domain], names: Sequence[str], params: Params, allowed: Callable[[Params], bool]
) -> dict[str, Value] | None:
    """Return ``params`` with the fewest of ``names`` changed, and these the least, so that it is ``allowed``.

    None where none of the configurations tried is.
    """
    for num_changed, num_levels in enumerate(NUM_LEVELS[: len(names)], 1):
        levels = {name: _levels(domains[name], num_levels) for name in names}
        tried = (
            (sum(cost for _, _, cost in changes), {**params, **{name: value for name, value, _ in changes}})
            for changed in combinations(names, num_changed)
            for changes in product(*(list(_changes(name, levels[name], params[name])) for name in changed))
        )
        best = min((one for one in tried if allowed(one[1])), key=lambda one: one[0], default=None)
        if best is not None:
            return best[1]
    return None


def first_allowed(
    names: Sequence[str], params: Params, drawn: Iterable[Params], allowed: Callable[[Params], bool]
) -> dict[str, Value] | None:
    """Return ``params`` with the values of ``names`` in the first of the ``drawn`` with which they are ``allowed``.

    It may be far from them, where what is allowed is too narrow for ``nearest`` to hit. None where none is.
    """
    tried = ({**params, **{name: one[name] for name in names if name in one}} for one in drawn)
    return next(filter(allowed, tried), None)


def _levels(domain: Domain, count: int) -> list[Value]:
    values = [domain.at(place / (count - 1)) for place in range(count)]
    return list({distinct(value): value for value in values}.values())


def _changes(name: str, levels: Sequence[Value], value: Value) -> Iterator[tuple[str, Value, float]]:
    """Yield a parameter's other values, each with the change's cost: its share of the range, 1 for a category."""
    numbers = [level for level in levels if is_number(level)]
    if not is_number(value) or len(numbers) < len(levels):
        yield from ((name, level, 1.0) for level in levels if distinct(level) != distinct(value))
        return
    at = min(range(len(numbers)), key=lambda place: abs(numbers[place] - value))
    yield from (
        (name, level, abs(place - at) / len(levels)) for place, level in enumerate(numbers) if level != value
    )
