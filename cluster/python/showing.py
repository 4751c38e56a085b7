"""Shows a sweep in a terminal or a pipe while it runs, and its summary at the end."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from cluster.sweep.home import SweepHome

if TYPE_CHECKING:
    from rich.console import Console

    from cluster.sweep.reading import Reading
    from cluster.terminal.live_lines import Title
    from cluster.terminal.records import Observer
    from search_spaces.spec.sweep import Sweep


def title(home: SweepHome, sweep: Sweep) -> Title:
    """Return the sweep's name and settings for the views."""
    from cluster.terminal import formatting  # 60 ms, as the next one: rich
    from cluster.terminal.criteria import goals  # 60 ms: rich
    from cluster.terminal.live_lines import Title
    from search_spaces.race.search import sweep_schedule  # 0 ms behind a reading of the sweep

    return Title(
        id=home.id,
        name=sweep.name,
        objective=sweep.objective,
        method=sweep.method,
        schedule=sweep.early_terminate.type,
        seed=sweep.seed,
        goals=goals(sweep.objective, sweep.criteria) if sweep.metrics else "",
        processes=formatting.between(sweep.resources.least, sweep.resources.most),
        rungs=sweep_schedule(sweep).rungs,
    )


def console(stderr: bool = False) -> Console:
    """Return a rich console; in a pipe or file it is 120 columns wide, without colours."""
    from rich.console import Console

    plain: Any = {"stderr": stderr, "highlight": False, "force_jupyter": False}
    made = Console(**plain)
    return made if made.is_terminal else Console(**plain, width=120, color_system=None)


def viewer(
    head: Title, quiet: bool = False, live: bool = True, stderr: bool = False
) -> AbstractContextManager[Observer]:
    """Return a live view in a terminal, lines in a pipe, a dumb terminal or without ``live``.

    Messages only if ``quiet``.

    With ``stderr`` the view writes there; messages alone always do.
    """
    from cluster.terminal.views import LineView, LiveView, QuietView  # 60 ms: rich

    if quiet:
        return QuietView(sys.stderr)
    screen = console(stderr=stderr)
    if live and screen.is_terminal and not screen.is_dumb_terminal:
        return LiveView(head, screen)
    return LineView(head, sys.stderr if stderr else sys.stdout)


def _given_up(read: Reading) -> int:
    """Return the number of trials that failed after their last retry, by which the exit code goes."""
    noted = (record.attributes.get("progress") or {} for record in read.study.records())
    return sum(int(progress.get("failures") or 0) > read.sweep.max_retries for progress in noted)


def show_end(read: Reading, after: Sequence[tuple[str, str]] = (), top: int = 5) -> None:
    """Print the sweep's summary with the best ``top`` trials.

    It ends with the commands ``after``, or where there are none with the useful next ones.
    """
    from cluster.sweep import reading  # 140 ms: Optuna
    from cluster.sweep.document import document
    from cluster.sweep.more_trials import can_grow  # 140 ms: Optuna
    from cluster.terminal import closing_summary

    found = document(read)
    told = closing_summary.Ending(
        title=title(read.home, read.sweep),
        document=found,
        snapshot=reading.snapshot(read),
        troubles=reading.troubles(read),
        next=after or closing_summary.next_commands(found, can_grow(read)),
        num_given_up=_given_up(read),
        max_failed_trials=read.sweep.max_failed_trials,
    )
    closing_summary.show(told, console(), top)
