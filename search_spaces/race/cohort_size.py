"""Chooses how many new trials to sample at once.

A larger cohort trains faster, but each trial in it is sampled with fewer results known. The size is never less than
the number of members trained in two seconds: more trials in the same time find more than better-informed sampling.
Longer legs pay only where their members are fused into one program, which is faster than training them one after
the other; otherwise trials are sampled one by one. The last trials are sampled in small cohorts too, when most is
known and little time can be saved: a leg gets a share of the remaining trials, as in guided self-scheduling
(Polychronopoulos and Kuck 1987). The same share applies to the first legs, until a leg of several members has shown
whether it is fused.
"""

from __future__ import annotations

from collections import deque
from statistics import median

REMEMBERED = 4
"""Number of recent legs whose durations are kept: the median ignores one that was slow by chance."""
MANY = 1 << 30
"""Upper bound on the cohort when all members of a leg were fused: the true limit is then unknown."""
SHORT_S = 2.0
"""Duration of a short leg in seconds; starting a leg costs some 30 ms."""
INSTANT_S = 1e-6


class CohortSize:
    """Cohort size, 1 to ``width``; ``remaining trials / spread`` at most, always ``width`` if ``spread`` is 0."""

    def __init__(self, width: int, spread: int) -> None:
        self._width, self._spread = width, spread
        self._seconds: deque[float] = deque(maxlen=REMEMBERED)
        self._fused: deque[int] = deque(maxlen=REMEMBERED)

    def seen(self, num_members: int, seconds: float, fused: int) -> None:
        """Record that a leg took ``seconds``, with at most ``fused`` of its members in one program."""
        self._seconds.append(seconds / num_members)
        if num_members > 1:
            self._fused.append(fused if fused < num_members else MANY)

    def now(self, num_left: int) -> int:
        """Return the largest size of the next cohort while ``num_left`` trials have not begun."""
        if not self._spread:
            return self._width
        share = num_left // self._spread
        if not self._seconds:
            return max(1, min(self._width, share))
        short = self._num_short()
        paying = max(short, *self._fused, 1) if self._fused else max(short, share)
        return max(1, min(self._width, max(share, short), paying))

    def short(self, num_members: int) -> bool:
        """Whether a leg of ``num_members`` is known to take no longer than ``SHORT_S``."""
        return bool(self._seconds) and num_members <= self._num_short()

    def _num_short(self) -> int:
        return int(SHORT_S / max(median(self._seconds), INSTANT_S))
