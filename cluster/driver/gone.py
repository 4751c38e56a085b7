"""What is left to do for a sweep whose folder, or journal, is removed while it runs."""

from __future__ import annotations

import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from cluster.driver.tell_stopped import ended_keys
from cluster.sweep.reading import ENDED
from search_spaces.types.driver_errors import Gone

if TYPE_CHECKING:
    from cluster.sweep.home import SweepHome
    from cluster.sweep.tracker import Tracker
    from search_spaces.study.study import Study

CLOSE_TIMEOUT_S = 60.0


def way_on(error: object, home: SweepHome) -> str:
    """Return the error with the command that continues the sweep."""
    return f"{error}; `paceline resume {home.id}` continues it"


def gone(home: SweepHome, error: Exception) -> Gone:
    """Return the error for users, with what is left of the sweep; remove what lanes have written since."""
    if not home.is_gone:
        return Gone(way_on(error, home))
    shutil.rmtree(home.path, ignore_errors=True)
    with suppress(OSError):  # other sweeps are in it
        home.path.parent.rmdir()
    return Gone(
        f"{home.path} was removed while the sweep was running: it ends here and cannot be resumed; its runs in "
        "MLflow are ended, and stay"
    )


def end_runs(home: SweepHome, study: Study, tracker: Tracker) -> None:
    """End the sweep's runs in MLflow."""
    study.set(ENDED, "its files were removed while it ran")
    for key in sorted(tracker.writer.begun - ended_keys(study)):
        tracker.writer.state(key, "stopped" if home.is_gone else "paused", {})
    tracker.conclude("stopped", study.facts().get("verdict"))
    tracker.writer.close(CLOSE_TIMEOUT_S)
