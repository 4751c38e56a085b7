"""How many new members go out together: as many as pay, since whoever is asked for ahead is asked for knowing less.

Members of a leg pay in two ways: those in one program are faster than one after the other, and many short ones hide
what it costs to hand out a leg. Where neither is so, trials are asked for one by one. And so are the last ones in
any case, when most is known and little is saved: a leg gets a share of what is left, as in guided self-scheduling
(Polychronopoulos and Kuck 1987).
"""

from __future__ import annotations

import math
from collections import deque
from statistics import median

REMEMBERED = 4
"""Legs that are looked back at: one that was slow by chance decides nothing."""
MANY = 1 << 30
"""Where all members of a leg were one program, nobody knows how many could be."""
WORTH_S = 0.5
"""A leg of so many seconds hides what handing it out costs, some 30 ms."""


class Breadth:
    """``width`` is the most, and one in ``spread`` of those still to begin; 0: always ``width``."""

    def __init__(self, width: int, spread: int) -> None:
        self._width, self._spread = width, spread
        self._seconds: deque[float] = deque(maxlen=REMEMBERED)
        self._fused: deque[int] = deque(maxlen=REMEMBERED)

    def seen(self, num_members: int, seconds: float, fused: int) -> None:
        """A leg took so long, with at most ``fused`` of its members in one program."""
        self._seconds.append(seconds / num_members)
        if num_members > 1:
            self._fused.append(fused if fused < num_members else MANY)

    def now(self, num_left: int) -> int:
        """The most that may go out together while ``num_left`` have not begun."""
        if not self._spread:
            return self._width
        return max(1, min(self._width, num_left // self._spread, self._paying()))

    def _paying(self) -> int:
        """As many as there may be, before anything is known."""
        if not self._seconds:
            return MANY
        each = median(self._seconds)
        return max(math.ceil(WORTH_S / each) if each > 0 else MANY, *self._fused, 1)


def num_legs(num_trials: int, width: int, spread: int) -> int:
    """Legs in which so many trials begin, where all can be in one program."""
    breadth, count = Breadth(width, spread), 0
    while num_trials > 0:
        num_trials, count = num_trials - breadth.now(num_trials), count + 1
    return count
