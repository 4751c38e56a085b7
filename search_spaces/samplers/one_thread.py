"""A sampler whose linear algebra takes one thread."""

from __future__ import annotations

from dataclasses import dataclass

from search_spaces.numerics.threads import one_thread
from search_spaces.samplers.contract import Sampler
from search_spaces.samplers.history import History
from search_spaces.types.values import Params


@dataclass(frozen=True)
class OneThread:
    """The ``inner`` sampler, with one thread for NumPy's and SciPy's matrices."""

    inner: Sampler

    def is_blind(self, history: History) -> bool:
        """Whether ``inner`` ignores the history as yet."""
        return self.inner.is_blind(history)

    def ask(self, history: History, count: int, held: Params) -> list[Params]:
        """Return what ``inner`` proposes."""
        with one_thread():
            return self.inner.ask(history, count, held)
