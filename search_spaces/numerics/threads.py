"""Keeps linear algebra to one thread, as the workers train on the other cores."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache

import scipy.linalg  # noqa: F401  (a library that is not loaded yet would not be limited)
from threadpoolctl import ThreadpoolController


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()


def one_thread() -> AbstractContextManager[object]:
    """Return a context in which matrices of NumPy and SciPy take one thread.

    Those of a search are small. On cores that are busy training, more threads mostly wait for one another, and take
    ten times the processor time; and as sums depend on their number, another machine would decide something else.
    """
    limited: AbstractContextManager[object] = _libraries().limit(limits=1, user_api="blas")
    return limited
