"""The interface of samplers: functions of the search's history that propose configurations."""

from __future__ import annotations

from typing import Protocol

from search_spaces.samplers.history import History
from search_spaces.types.values import Params


class Sampler(Protocol):
    """Proposes configurations of a space.

    Its answer depends on the history alone, not on earlier calls: what it keeps between them only saves time. So a
    resumed sweep needs nothing but its history.
    """

    def is_blind(self, history: History) -> bool:
        """Whether the next answer would ignore the history, as too little is known."""

    def ask(self, history: History, count: int, held: Params) -> list[Params]:
        """Return at most ``count`` new configurations in which the ``held`` parameters have the given values.

        Fewer, or none, means that the space has no more configurations that are not in the history.
        """
