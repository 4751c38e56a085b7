"""Counts how many trials reached each rung, and draws that as a funnel of a few lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rich.text import Text

from cluster.terminal.formatting import MARKS
from cluster.terminal.records import Row, TrialState
from search_spaces.types.trial_names import state_word

MOST_RUNGS: Final = 8
"""Schedules with more rungs are not drawn: as those that decide after each epoch."""
LEAST_WIDTH: Final = 72
"""Columns of a terminal below which nothing is drawn."""


@dataclass(frozen=True)
class Rung:
    """Number of trials trained to ``epoch`` at least, and of them waiting or pruned before the next rung."""

    epoch: int
    reached: int
    waiting: int
    pruned: int


def funnel(rows: Sequence[Row], epochs: Sequence[int]) -> list[Rung]:
    """Return the rungs at ``epochs``, in ascending order, with the numbers of their trials."""
    nexts = [*epochs[1:], None]
    return [
        Rung(epoch, sum(row.epochs >= epoch for row in rows), *_left(rows, epoch, after))
        for epoch, after in zip(epochs, nexts, strict=True)
    ]


def lines(rows: Sequence[Row], epochs: Sequence[int], width: int) -> list[Text]:
    """Return a line for each rung with a bar; none where there is one rung alone, or no room for them."""
    if not 1 < len(epochs) <= MOST_RUNGS or width < LEAST_WIDTH or not rows:
        return []
    return list(_drawn(funnel(rows, epochs), len(rows), bar=min(60, width - 50)))


def _left(rows: Sequence[Row], epoch: int, after: int | None) -> tuple[int, int]:
    """Return the numbers of waiting and of pruned trials that came to ``epoch`` and not to the rung ``after``."""
    here = [row.state for row in rows if row.epochs >= epoch and (after is None or row.epochs < after)]
    return here.count("paused"), here.count("stopped")


def _drawn(rungs: Sequence[Rung], num_trials: int, bar: int) -> Iterator[Text]:
    digits, most = len(str(rungs[-1].epoch)), len(str(num_trials))
    for rung in rungs:
        line = Text(f"epoch {rung.epoch:>{digits}}  {rung.reached:>{most}} reached  ")
        line.append_text(_ended("paused", rung.waiting, most)).append_text(_ended("stopped", rung.pruned, most))
        yield line.append("━" * round(bar * rung.reached / num_trials), "magenta")


def _ended(state: TrialState, number: int, most: int) -> Text:
    """Return mark, number and word of the trials in that state at a rung; blanks of that length without any."""
    mark, style = MARKS[state]
    told = f" {number:>{most}} {state_word(state)}  "
    return Text().append(mark, style).append(told) if number else Text(" " * (1 + len(told)))
