"""Tells which hyperparameters of a sweep have no effect beside the values that others have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from search_spaces.space.domain_contract import same
from search_spaces.space.domains import Choice
from search_spaces.space.hyperparameters import Hyperparameter
from search_spaces.space.space import Space
from search_spaces.types.values import Params, Value


def idle(known: Mapping[str, Hyperparameter], space: Space, constants: Params) -> dict[str, str]:
    """Return by name with what values of others a hyperparameter alone has an effect, where they are not its own.

    One that is searched is also told where it has an effect in some trials only, and no condition says which.
    """
    found = {}
    for name in [*space.domains, *constants]:
        for other, wanted in known[name].when.items() if name in known else ():
            values = _values(other, space.when.get(name, {}), known, space, constants)
            good = [value for value in values or wanted if any(same(value, one) for one in wanted)]
            only = f"only with {other}: {' or '.join(map(str, wanted))}"
            if not good:
                found[name] = only
            elif name in space.domains and values and len(good) < len(values):
                one = ", ".join(map(str, good))
                found[name] = f"{only}, so add when: {{{other}: {one if len(good) == 1 else f'[{one}]'}}}"
    return found


def _values(
    name: str,
    condition: Mapping[str, tuple[Value, ...]],
    known: Mapping[str, Hyperparameter],
    space: Space,
    constants: Params,
) -> Sequence[Value] | None:
    """Return the values that hyperparameter ``name`` has where ``condition`` holds; None where they are a range."""
    if name in condition:
        return condition[name]
    if name not in space.domains:
        return [constants.get(name, known[name].default)]
    domain = space.domains[name]
    return domain.values if isinstance(domain, Choice) else None
