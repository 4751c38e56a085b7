"""How many new members go out together: as many as pay, since whoever is asked for ahead is asked for knowing less.

Always as many as are trained in two seconds: more trials in the same time find more than asking with more care.
Longer legs pay where they are one program, faster than one after the other. Where they are not, trials are asked
for one by one; and so are the last ones, when most is known and little is saved: a leg gets a share of what is
left, as in guided self-scheduling (Polychronopoulos and Kuck 1987). So do the first, until a leg of several has
shown whether it is one program.
"""

from __future__ import annotations

from collections import deque
from statistics import median

REMEMBERED = 4
"""Legs that are looked back at: one that was slow by chance decides nothing."""
MANY = 1 << 30
"""Where all members of a leg were one program, nobody knows how many could be."""
SHORT_S = 2.0
"""A leg; handing it out costs some 30 ms."""
INSTANT_S = 1e-6


class CohortSize:
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
        share = num_left // self._spread
        if not self._seconds:
            return max(1, min(self._width, share))
        short = self._num_short()
        paying = max(short, *self._fused, 1) if self._fused else max(short, share)
        return max(1, min(self._width, max(share, short), paying))

    def short(self, num_members: int) -> bool:
        """Whether a leg of so many is known to take no longer than ``SHORT_S``."""
        return bool(self._seconds) and num_members <= self._num_short()

    def _num_short(self) -> int:
        return int(SHORT_S / max(median(self._seconds), INSTANT_S))
