"""What a driver shows of a running sweep: plain records for the terminal, ``--json`` and the leaderboard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from search_spaces.types.failure import FailureReason
from search_spaces.types.objective import Objective
from search_spaces.types.values import Params

TrialState = Literal["done", "stopped", "failed", "running", "paused"]
Phase = Literal["starting", "search", "verdict", "finished", "interrupted"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One trial as people see it. ``params`` holds what was searched; ``curve`` the objective after each epoch."""

    number: int
    state: TrialState
    epochs: int
    value: float | None
    best_value: float | None
    params: Params
    curve: Sequence[float] = ()
    seconds: float = 0.0
    failure: FailureReason | None = None
    run_id: str | None = None
    beside: Mapping[str, float] = field(default_factory=dict)
    """Of the best epoch, what is shown beside the objective."""

    @property
    def error(self) -> str | None:
        """In one line what went wrong."""
        return self.failure.line if self.failure and self.failure.is_error else None


def ranked(rows: Iterable[Row], objective: Objective) -> list[Row]:
    """The leaderboard's order: the best first, of equal ones the first trial; failed trials at the very end."""
    in_order = sorted(rows, key=lambda row: (row.state == "failed", row.number))
    able = [row for row in in_order if row.state != "failed"]
    return [*objective.ranked(able, lambda row: row.best_value), *in_order[len(able) :]]


def best_of(rows: Iterable[Row], objective: Objective) -> Row | None:
    """The leaderboard's first row, if it has a value and did not fail."""
    first = next(iter(ranked(rows, objective)), None)
    return None if first is None or first.state == "failed" or first.best_value is None else first


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The whole sweep at one moment. ``rows`` are in trial order; ``best`` is a trial number or None."""

    phase: Phase
    rows: Sequence[Row]
    num_planned: int
    horizon: int
    best: int | None
    epochs_trained: int
    epochs_saved: int
    """Epochs that full training of every trial would have cost and early stopping did not spend."""
    elapsed_s: float
    eta_s: float | None
    num_lanes: int
    finals_done: int = 0
    finals_planned: int = 0


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """One distinct error of user code or of a lane, with the trials that met it."""

    failure: FailureReason
    trials: tuple[int, ...]


class Observer(Protocol):
    """Whoever watches a sweep. Calls come from the driver's thread; they must return at once."""

    def progress(self, snapshot: Snapshot) -> None:
        """Something changed; called at most about ten times a second."""

    def message(self, text: str) -> None:
        """A line that the user should read: a repair, a retry, an outage."""

    def link(self, url: str) -> None:
        """Where the sweep can be seen in MLflow's UI."""
