"""Marks that end single legs at the next epoch, as the sweep's stop mark ends all of them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.sweep.shared_storage import Mark, is_remote, mark

if TYPE_CHECKING:
    from cluster.sweep.home import SweepHome
    from search_spaces.race.legs import Purpose


@dataclass(frozen=True)
class LegMarks:
    """Marks of the legs of one driver; later drivers number their legs anew, and have other marks."""

    prefix: str

    @classmethod
    def new(cls, home: SweepHome) -> LegMarks:
        """Return marks that no earlier driver has set; those that it left here, as it was killed, are removed."""
        if not is_remote(home.stop_place):
            place = Path(home.stop_place.removeprefix("file://"))
            for left in place.parent.glob(f"{place.name}-*"):
                left.unlink(missing_ok=True)
        return cls(f"{home.stop_place}-{time.time_ns():x}-")

    def of(self, purpose: Purpose, number: int) -> Mark:
        """Return the mark of a leg."""
        return mark(f"{self.prefix}{purpose}-{number}")
