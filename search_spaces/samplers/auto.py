"""The sampler ``auto`` without early stopping: a model of the objective, with TPE beside it."""

from __future__ import annotations

from dataclasses import dataclass

from search_spaces.samplers.contract import Sampler
from search_spaces.samplers.history import History
from search_spaces.samplers.model.model_sampler import ModelSampler
from search_spaces.types.values import Params

EVERY = 3
"""One question of so many goes to the other sampler: two that err differently find more than either."""


@dataclass(frozen=True)
class Mixed:
    """Asks ``model``, and ``other`` for every third configuration, counted from the search's first."""

    model: ModelSampler
    other: Sampler

    def is_blind(self, history: History) -> bool:
        """Whether the model knows too little."""
        return self.model.is_blind(history)

    def ask(self, history: History, count: int, held: Params) -> list[Params]:
        """Return new configurations: those of the other sampler first, beside which the model chooses its own."""
        num_others = sum((len(history) + i) % EVERY == 0 for i in range(count))
        others = self.other.ask(history, num_others, held) if num_others else []
        return [*others, *self.model.ask(history, count - len(others), held, others)]
