"""Keeps the linear algebra of a sampler to one thread, as the workers train on the other cores."""

from __future__ import annotations

from dataclasses import dataclass, field

from threadpoolctl import ThreadpoolController

from search_spaces.samplers.contract import Sampler
from search_spaces.samplers.history import History
from search_spaces.types.values import Params


@dataclass(frozen=True)
class OneThread:
    """The ``inner`` sampler, with one thread for NumPy's and SciPy's matrices.

    These are small. On cores that are busy training, more threads mostly wait for one another, and take ten times
    the processor time; and as sums depend on their number, another machine would propose something else.
    """

    inner: Sampler
    _libraries: ThreadpoolController = field(default_factory=ThreadpoolController)

    def is_blind(self, history: History) -> bool:
        """Whether ``inner`` ignores the history as yet."""
        return self.inner.is_blind(history)

    def ask(self, history: History, count: int, held: Params) -> list[Params]:
        """Return what ``inner`` proposes."""
        with self._libraries.limit(limits=1, user_api="blas"):
            return self.inner.ask(history, count, held)
