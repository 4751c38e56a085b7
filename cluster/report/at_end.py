"""The report at the end of a sweep: its driver draws it and gives it to MLflow. Failing here fails nothing else."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cluster.sweep.home import SweepHome
from cluster.sweep.reading import Reading
from cluster.terminal.records import Snapshot
from search_spaces.types.error_text import one_line
from tracking import names

if TYPE_CHECKING:
    from search_spaces.spec.sweep import Sweep
    from search_spaces.study.study import Study
    from tracking.writer.writer import Writer

SOON_S: Final = 20.0
"""Seconds before the search's estimated end at which the modules are imported; not earlier, as they take memory."""


@dataclass
class ReportAtEnd:
    """The report of one driver's sweep. ``say`` prints a line for users."""

    home: SweepHome
    study: Study
    say: Callable[[str], None]
    _warm: threading.Thread | None = field(default=None, init=False)

    def foresee(self, seen: Snapshot) -> None:
        """Begin the slow part, in the background, when the end is near; a second call does nothing."""
        near = seen.phase == "verdict" or (seen.search_eta_s is not None and seen.search_eta_s < SOON_S)
        if near and self._warm is None:
            self._warm = threading.Thread(target=_warm, daemon=True)
            self._warm.start()

    def keep(self, sweep: Sweep, writer: Writer) -> None:
        """Draw the sweep as it has ended, for its run's artifacts, and anew in its folder where it was drawn there.

        Takes half a second for 40 trials. What goes wrong is told.
        """
        try:
            from cluster.report.records import Records  # 60 ms, as the next ones
            from cluster.report.report import page  # 60 ms; and plotly, where it was not foreseen
            from cluster.report.written import place, put  # 60 ms

            drawn = page(Records(Reading(home=self.home, sweep=sweep, study=self.study, live=False, ends=True)))
            content, failed = drawn.page.html(), drawn.failed
            writer.content(names.REPORT_FILE, base64.b64encode(content).decode())
            if place(self.home).exists():
                put(content, place(self.home))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told, and the sweep has ended well
            failed = {"the page": one_line(error)}
        for name, why in failed.items():
            self.say(f"the sweep's report: {name} could not be drawn: {why}")


def _warm() -> None:
    from tracking.pages.page import warm  # 900 ms: plotly

    warm()
