"""Formats the lines of the live view: a snapshot in, lines of styled text out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from cluster.terminal import formatting
from cluster.terminal.changed_values import shown
from cluster.terminal.recommended_lines import spread, value
from cluster.terminal.records import Row, Snapshot, ranked
from search_spaces.types.objective import Objective
from search_spaces.types.trial_names import trial_name

TOP, RUNNING = 8, 4
"""Numbers of best trials and of other running trials that are shown; up to 32 may train together in each lane.

Where there is room for more, further trials that have a value follow.
"""
NOTHING_SEARCHED = "as the sweep file says: it fixes every value"
"""What stands for the hyperparameters of a trial where none is searched."""
WORDED_FROM = 100
"""Width of a terminal from which on the states are told in words beside their marks."""
BARS = ((120, 30), (WORDED_FROM, 20), (72, 12), (48, 6))
"""Length of the progress bar in terminals of so many columns or more: the same in every frame."""


@dataclass(frozen=True, kw_only=True)
class Title:
    """Name and settings of a sweep that do not change while it runs."""

    id: str
    name: str
    objective: Objective
    method: str
    schedule: str
    seed: int
    goals: str = ""
    """All objectives in words, where there are several."""
    processes: str = ""
    """Number of processes of each worker, such as ``2`` or ``2 to 4``; empty where they are single ones."""
    rungs: Sequence[int] = ()
    """Epochs at which the schedule decides which trials go on, the last epoch included."""

    def workers(self, number: int) -> str:
        """Return ``2 workers``, or ``1 worker of 2 processes``."""
        each = f" of {self.processes} processes" if self.processes else ""
        return f"{formatting.count(number, 'worker')}{each}"

    @property
    def aim(self) -> str:
        """What the sweep searches for: ``maximize val_accuracy``."""
        return self.goals or f"{self.objective.goal} {self.objective.name}"

    @property
    def label(self) -> str:
        """Name and ID: ``digits-mlp-7f3a``."""
        return f"{self.name}-{self.id}"


def chosen(snapshot: Snapshot, title: Title, num_rows: int) -> list[Row]:
    """Return the best trials, ``TOP`` or as many as fit, then up to ``RUNNING`` other running ones.

    At most ``num_rows`` in all.
    """
    rows = ranked(begun(snapshot), title.objective)
    top = rows[: min(TOP, num_rows)]
    others = rows[len(top) :]
    running = [row for row in others if row.state == "running"][: max(0, min(RUNNING, num_rows - len(top)))]
    more = [row for row in others if row.best_value is not None and row not in running]
    return top + more[: max(0, num_rows - len(top) - len(running))] + running


def headline(snapshot: Snapshot, title: Title, width: int) -> Text:
    """Return a line with the name, a progress bar, counts, the elapsed and the remaining time.

    Name and bar take the same room in every frame of a terminal; words of states give way first, then the name.
    """
    bar = next((length for least, length in BARS if width >= least), 0)
    tail, space = _counts(snapshot, worded=width >= WORDED_FROM), width - bar - 2
    if len(title.label) + tail.cell_len > space:
        tail = _counts(snapshot, worded=False)
    label = formatting.shorten(title.label, max(8, min(width // 3, space - tail.cell_len)))
    line = Text().append(label, "bold").append(" ")
    if bar:
        filled = round(bar * _fraction(snapshot))
        line.append("━" * filled, "magenta").append("━" * (bar - filled), "bright_black").append(" ")
    line.append_text(tail)
    line.truncate(width)
    return line


def begun(snapshot: Snapshot) -> list[Row]:
    """Return the rows without those trials that are sampled already and have not trained yet."""
    return [row for row in snapshot.rows if row.state != "paused" or row.epochs]


def _tried(snapshot: Snapshot) -> int:
    return sum(row.state != "running" for row in begun(snapshot))


def _fraction(snapshot: Snapshot) -> float:
    verdict = snapshot.phase == "verdict" and snapshot.finals_planned
    done, all_ = (
        (snapshot.finals_done, snapshot.finals_planned) if verdict else (_tried(snapshot), snapshot.num_planned)
    )
    return min(1.0, done / all_) if all_ else 1.0


def _counts(snapshot: Snapshot, worded: bool) -> Text:
    line, searches = Text(), snapshot.phase != "verdict"
    if snapshot.stage:
        line.append(snapshot.stage, "green")
    elif not searches and snapshot.finals_planned:
        line.append(f"final evaluation {snapshot.finals_done}/{snapshot.finals_planned}", "green")
    elif snapshot.retests_done < snapshot.retests_begun:
        line.append(f"retests {snapshot.retests_done}/{snapshot.retests_begun}", "green")
    else:
        line.append(f"{_tried(snapshot)}/{snapshot.num_planned}", "green")
    for state, word, number in formatting.states(begun(snapshot), worded) if worded or searches else ():
        mark, style = formatting.MARKS[state]
        line.append(f"  {mark}", style).append(f" {number}" + (f" {word}" if worded else ""))
    line.append(f"  {formatting.duration(snapshot.elapsed_s)}", "yellow").append(" ETA ")
    return line.append(formatting.duration(snapshot.eta_s), "cyan")


def sign(snapshot: Snapshot) -> str:
    """Return in one line of plain text what a sweep is at, for pipes: ``0:01:05 12/40 ✓ 8 ..., ETA 0:00:30``."""
    told = _counts(snapshot, worded=True).plain
    *what, times = told.rsplit("  ", 1)
    return f"{'  '.join(what)}, {times}"


def subline(snapshot: Snapshot, title: Title, width: int) -> Text:
    """Return a dim line with the objective, the method and schedule, the number of workers and the seed."""
    parts = [
        title.aim,
        f"{title.method} + {title.schedule}",
        title.workers(snapshot.num_lanes),
        f"seed {title.seed}",
    ]
    return _line(" · ".join(parts), width, "bright_black")


def best_lines(snapshot: Snapshot, title: Title, width: int) -> list[Text]:
    """Return a line with the best trial and its hyperparameters, and ones with the recommended and the champion."""
    recommended = snapshot.recommended.trial if snapshot.recommended else None
    named = [("best in search", snapshot.best), ("recommended", recommended), ("champion", snapshot.champion)]
    rows = {row.number: row for row in snapshot.rows}
    return [_best_line(name, rows[number], title, width) for name, number in named if number in rows]


def _best_line(name: str, row: Row, title: Title, width: int) -> Text:
    line = Text().append(f"{name:<14}  ", "bold").append(f"{trial_name(row.number)}  {title.objective.name} ")
    told = spread(row.tried) if name == "recommended" else value(row)
    line.append(told, "green").append("  " + (formatting.settings(shown(row, title.objective)) or NOTHING_SEARCHED))
    line.truncate(width, overflow="ellipsis")
    return line


def saved_line(snapshot: Snapshot, width: int) -> Text | None:
    """Return a line with the epochs of search and final evaluation, and what early stopping and the cache saved.

    None where the search saved none and there is nothing beside it.
    """
    stopped = snapshot.epochs_saved
    cached = sum(row.epochs - row.epochs_trained for row in snapshot.rows)
    whole, further = snapshot.epochs_trained + stopped + cached, snapshot.epochs_of_further_seeds
    beside = f"; {formatting.count(further, 'epoch')} with further seeds" if further else ""
    final = snapshot.final_epochs
    beside += f" + {formatting.count(final, 'epoch')} of the final evaluation" if final else ""
    if stopped + cached <= 0:
        return _line(f"{snapshot.epochs_trained:,} search epochs trained{beside}", width) if beside else None
    saved = [f"early stopping saved {round(100 * stopped / whole)} %"] if stopped > 0 else []
    saved += [f"the cache saved {round(100 * cached / whole)} %"] if cached else []
    text = f"{snapshot.epochs_trained:,} of {whole:,} search epochs trained ({', '.join(saved)}){beside}"
    return _line(text, width)


def budget_line(snapshot: Snapshot, width: int) -> Text | None:
    """Return a line with what was used of the budget; None without one."""
    return _line(f"budget {snapshot.budget}", width) if snapshot.budget else None


def link_line(url: str, sweep_id: str, width: int | None = None) -> Text:
    """Return a line with the link to MLflow's UI, or with `paceline ui` where the link does not fit in ``width``.

    A local address comes with a hint that `paceline ui` must run.
    """
    serve = f"paceline ui {sweep_id}"
    hint = f"  (while `{serve}` runs)" if "//127.0.0.1" in url else ""
    if width is not None and cell_len(url) + 6 > width:
        url, hint = serve, ""
    elif width is not None and cell_len(url + hint) + 6 > width:
        hint = ""
    return Text().append("UI    ", "bright_black").append(url).append(hint, "bright_black")


def _line(text: str, width: int, style: str = "") -> Text:
    return Text(text if cell_len(text) <= width else set_cell_size(text, width - 1) + "…", style)
