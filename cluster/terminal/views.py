"""Views of a running sweep: a live table in a terminal, lines in a pipe, or messages only."""

from __future__ import annotations

import math
import os
import threading
import time
from dataclasses import replace
from typing import Self, TextIO

from rich.console import Console, Group
from rich.control import Control
from rich.live import Live
from rich.segment import ControlType, Segment
from rich.text import Text

from cluster.terminal import formatting, live_lines
from cluster.terminal.changed_values import as_shown, shown
from cluster.terminal.leaderboard import leaderboard, ranked
from cluster.terminal.live_lines import Title
from cluster.terminal.recommended_lines import spread, value
from cluster.terminal.records import Phase, Row, Snapshot
from cluster.terminal.running import rung_funnel
from search_spaces.types.passwords import masked
from search_spaces.types.trial_names import trial_name

REFRESHES_PER_SECOND = 3
SILENCE_S = 20.0
FOR_TRIALS = 16
"""Rows of a terminal that are the leaderboard's before the rungs get any."""
ENDED = ("done", "stopped", "infeasible", "failed")
PHASES: dict[Phase, str] = {
    "starting": "starting",
    "search": "search: {planned}, {length}, on {workers}",
    "verdict": "final evaluation: {finals}, scored on test data",
    "stopped": "stopped",
}
"""Lines of ``LineView`` at the start of each phase. The summary tells the end."""


NO_WRAP, WRAP = "\x1b[?7l", "\x1b[?7h"
"""Escape codes that turn line wrapping off and on.

Without wrapping, a table stays as high as rich expects in a terminal that has become narrower.
"""


def _raw(code: str) -> Control:
    control = Control()
    control.segment = Segment(code, None, [(ControlType.CARRIAGE_RETURN,)])
    return control


class LiveView:
    """Live table, redrawn in place and erased at the end. A context manager around the driver."""

    def __init__(self, title: Title, console: Console) -> None:
        self._title = title
        self._console = console
        self._snapshot: Snapshot | None = None
        self._seen_s = time.monotonic()
        self._url = ""
        self._drawn: list[int] = []
        """Width of each line on the screen, in cells."""
        self._live = Live(
            console=console,
            get_renderable=self._render,
            refresh_per_second=REFRESHES_PER_SECOND,
            transient=True,
            vertical_overflow="crop",
        )

    def __enter__(self) -> Self:
        self._live.start()
        self._console.show_cursor(True)  # a killed process could not show it again
        return self

    def __exit__(self, *reason: object) -> None:
        self._live.stop()

    def progress(self, snapshot: Snapshot) -> None:
        """Keep the snapshot; rich's own thread draws it."""
        self._seen_s = time.monotonic()
        self._snapshot = snapshot

    def message(self, text: str) -> None:
        """Print the line above the table, where it stays."""
        self._live.refresh()  # so that the table moved down to make room fits the terminal
        self._console.print(Text(masked(text)))

    def link(self, url: str) -> None:
        """Show the address below the leaderboard."""
        self._url = url

    def _render(self) -> Group:
        size = self._console.size
        self._gather(size.width)
        lines = self._lines(size.width, size.height)
        self._drawn = [line.cell_len for line in lines]
        lines[-1].end = ""
        return Group(_raw(NO_WRAP), *lines, _raw(WRAP))

    def _lines(self, width: int, height: int) -> list[Text]:
        if self._snapshot is not None:
            return picture(self._now(self._snapshot), self._title, self._url, (width, height))
        passed = formatting.duration(time.monotonic() - self._seen_s)
        line = Text(f"{self._title.label}  starting …  {passed}", no_wrap=True)
        line.truncate(width, overflow="ellipsis")
        return [line]

    def _gather(self, width: int) -> None:
        """Erase rows that a terminal has added by wrapping as it became narrower; rich does not know of them."""
        num_more = sum(max(0, math.ceil(cells / width) - 1) for cells in self._drawn)
        erase = (ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1))
        if num_more:
            self._console.control(Control(*erase * num_more))

    def _now(self, snapshot: Snapshot) -> Snapshot:
        """Return the snapshot with its times advanced by the time since it came."""
        if snapshot.phase in ("finished", "stopped"):
            return snapshot
        return advanced(snapshot, time.monotonic() - self._seen_s)


def advanced(snapshot: Snapshot, passed_s: float) -> Snapshot:
    """Return the snapshot with its times as they are ``passed_s`` seconds later."""
    eta_s = snapshot.eta_s
    if eta_s is not None:
        eta_s = max(min(eta_s, snapshot.eta_least_s), eta_s - passed_s)
    return replace(snapshot, elapsed_s=snapshot.elapsed_s + passed_s, eta_s=eta_s)


def picture(snapshot: Snapshot, title: Title, url: str, size: tuple[int, int]) -> list[Text]:
    """Return the lines of the live view, at most ``size`` (width, height) in cells."""
    width, height = size
    foot = [
        *live_lines.best_lines(snapshot, title, width),
        live_lines.saved_line(snapshot, width),
        live_lines.budget_line(snapshot, width),
        live_lines.link_line(url, title.id, width) if url else None,
        Text(f"Ctrl-C stops cleanly (again: now) · `paceline resume {title.id}` continues", "bright_black"),
    ]
    below = [line for line in foot if line is not None]
    rungs = [rung for rung in title.rungs if rung <= snapshot.horizon]
    funnel = rung_funnel.lines(live_lines.begun(snapshot), rungs, width)
    room = height - len(below) - 6
    if room - len(funnel) <= FOR_TRIALS:
        funnel = []
    rows = live_lines.chosen(snapshot, title, num_rows=max(1, room - len(funnel) - bool(funnel)))
    rows = as_shown(rows, title.objective)
    table = leaderboard(ranked(snapshot, rows, title.objective), width)
    lines = [live_lines.headline(snapshot, title, width), live_lines.subline(snapshot, title, width)]
    for block in (table, funnel, below):
        lines += [Text(""), *block] if block else []
    for line in lines:
        line.truncate(width, overflow="ellipsis")
        line.no_wrap = True
    return lines[: max(1, height - 1)]


class LineView:
    """Line for each phase and each ended trial, for pipes and logs. A context manager around the driver.

    After ``SILENCE_S`` seconds without one a line says what the sweep is at.
    """

    def __init__(self, title: Title, stream: TextIO) -> None:
        self._title = title
        self._stream = stream
        self._told: set[int] = set()
        self._num_further: dict[int, int] = {}
        """Number of further seeds of each trial that has any, as it was told."""
        self._phase: Phase | None = None
        self._seen: tuple[Snapshot | None, float] = None, time.monotonic()
        """The latest snapshot, and when it came."""
        self._said_at = time.monotonic()
        self._over = threading.Event()

    def __enter__(self) -> Self:
        title = self._title
        self._say(
            f"sweep {title.id} ({title.name}): {title.aim}, {title.method} + {title.schedule}, seed {title.seed}"
        )
        threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._over.set()
        self._stream.flush()

    def _watch(self) -> None:
        """Say what the sweep is at whenever nothing was said for long, until the view ends."""
        while not self._over.wait(1.0):
            if time.monotonic() - self._said_at > SILENCE_S:
                self.sign()

    def sign(self) -> None:
        """Print a line with what the sweep is at, and the elapsed and the remaining time."""
        seen, came = self._seen
        passed_s = time.monotonic() - came
        if seen is None:
            self._say(f"starting, {formatting.duration(passed_s)}")
        elif seen.phase not in ("finished", "stopped"):
            self._say(live_lines.sign(advanced(seen, passed_s)))

    def progress(self, snapshot: Snapshot) -> None:
        """Print new phases and ended trials; of those that ended before this process started, only their number."""
        self._seen = snapshot, time.monotonic()
        ended = [row for row in snapshot.rows if row.state in ENDED and row.number not in self._told]
        if self._phase in (None, "starting"):
            known = [row for row in ended if row.cached]
            before = [row for row in ended if not row.cached] if self._phase is None else []
            for rows, what in ((known, "known from earlier sweeps"), (before, "ended before")):
                if rows:
                    self._say(f"{formatting.count(len(rows), 'trial')} {what}")
            self._told.update(row.number for row in [*known, *before])
            ended = [row for row in ended if row.number not in self._told]
        for row in ended:
            self._told.add(row.number)
            self._say(self._ended(row, snapshot))
        for row in self._newly_tried(snapshot):
            self._say(f"{trial_name(row.number)} trained again: {self._title.objective.name} {spread(row.tried)}")
        if snapshot.phase != self._phase:
            self._phase = snapshot.phase
            if snapshot.phase in PHASES:
                self._say(_phase_line(snapshot, self._title))

    def message(self, text: str) -> None:
        """Print the line."""
        self._say(text)

    def link(self, url: str) -> None:
        """Print the address on a line of its own."""
        self._say(f"UI {url}")

    def _newly_tried(self, snapshot: Snapshot) -> list[Row]:
        """Return the trials of which more seeds are known than were told; none of what was known at the start."""
        found = [row for row in snapshot.rows if row.further and row.tried]
        num = {row.number: len(row.further.values) for row in found if row.further}
        new = [row for row in found if self._phase and num[row.number] > self._num_further.get(row.number, 0)]
        self._num_further |= num
        return new

    def _ended(self, row: Row, snapshot: Snapshot) -> str:
        told = f"{self._title.objective.name} {value(row)}"
        star = " *best*" if row.number == snapshot.leader else ""
        why = row.failure.text if row.failure and row.state == "infeasible" else row.error
        error = f": {why}" if why else ""
        epochs = f"{row.epochs}/{snapshot.horizon} epochs"
        if snapshot.open_ended:
            epochs = formatting.count(row.epochs, "epoch")
        return (
            f"{trial_name(row.number)} {row.word} {epochs} "
            f"{told}{star} {formatting.settings(shown(row, self._title.objective))}".rstrip()
            + error
        )

    def _say(self, text: str) -> None:
        self._said_at = time.monotonic()
        _print(text, self._stream)


def _print(text: str, stream: TextIO) -> None:
    try:
        print(masked(text), file=stream, flush=True)
    except BrokenPipeError:  # the reader has ended, as `head` does; the sweep continues
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _phase_line(snapshot: Snapshot, title: Title) -> str:
    return PHASES[snapshot.phase].format(
        planned=formatting.count(snapshot.num_planned, "trial"),
        length="each until its script ends" if snapshot.open_ended else f"up to {snapshot.horizon} epochs each",
        workers=title.workers(snapshot.num_lanes),
        finals=formatting.count(snapshot.finals_planned, "training"),
    )


class QuietView:
    """Messages that must not be lost, on ``stream``, and nothing else. A context manager around the driver."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        self._stream.flush()

    def progress(self, snapshot: Snapshot) -> None:
        """Show nothing."""

    def message(self, text: str) -> None:
        """Print the line."""
        _print(text, self._stream)

    def link(self, url: str) -> None:
        """Show nothing; the summary has the address."""
