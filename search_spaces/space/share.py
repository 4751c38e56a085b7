"""The share of a space that satisfies its requirements."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from search_spaces.space.space import Space

ENOUGH = 1000
"""Number of satisfying configurations after which no more are drawn: the share is known to a thirtieth then."""
MOST = 10_000
"""Largest number of configurations that are drawn."""


@dataclass(frozen=True)
class Share:
    """Number ``num_satisfying`` of ``num_seen`` configurations: all points if ``counted``, else random ones."""

    num_satisfying: int
    num_seen: int
    counted: bool

    @property
    def value(self) -> float:
        """The share, 0 to 1."""
        return self.num_satisfying / self.num_seen

    def __str__(self) -> str:
        return f"{100 * self.value:.3g} %"


def share(space: Space) -> Share:
    """Return the share of a space's configurations that satisfies its requirements.

    It is counted in a finite space where that is possible, else measured with random configurations.
    """
    num, of = space.size(), replace(space, require=()).size()
    if num is not None and of is not None:
        return Share(num, of, True)
    rng, num_satisfying, num_drawn = Random(0), 0, 0
    while num_drawn < MOST and num_satisfying < ENOUGH:
        num_satisfying += space.satisfies(space.drawn(rng))
        num_drawn += 1
    return Share(num_satisfying, num_drawn, False)
