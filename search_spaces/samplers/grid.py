"""The grid sampler, which tries every point of a finite space."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import islice

from search_spaces.samplers.contract import Identity, Observation
from search_spaces.space.space import Space
from search_spaces.types.values import Params


@dataclass(frozen=True)
class GridSampler:
    """Proposes every point of the space once, in order."""

    space: Space

    def ask(self, history: Sequence[Observation], count: int, held: Params) -> list[Params]:
        """Return the next points that are not in the history, among those with the ``held`` values."""
        seen = {_identity(seen.params) for seen in history}
        return list(islice(_unseen(self.space, seen, held), count))


def _unseen(space: Space, seen: Set[Identity], held: Params) -> Iterator[Params]:
    for point in space.grid():
        if _identity(point) not in seen and held.items() <= point.items():
            yield point


def _identity(params: Params) -> Identity:
    names = tuple(sorted(params))
    return names, tuple(params[name] for name in names)
