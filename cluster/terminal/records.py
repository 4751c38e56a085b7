"""Records of a sweep's progress, for the terminal, ``--json`` and the leaderboard."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from search_spaces.race.recommended import Estimated, Tried, recommended
from search_spaces.types.failure import FailureReason
from search_spaces.types.objective import Objective
from search_spaces.types.trial_names import state_word
from search_spaces.types.values import Params

TrialState = Literal["done", "stopped", "infeasible", "failed", "running", "paused"]
Phase = Literal["starting", "search", "verdict", "finished", "stopped"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One trial as people see it.

    ``params`` are the searched hyperparameters, ``value`` and ``best_value`` the objective of the last and the best
    epoch, ``curve`` that of each epoch by its number (of a script maybe with gaps), ``seconds`` the time of its
    legs, shared among their members.
    """

    number: int
    state: TrialState
    epochs: int
    value: float | None
    best_value: float | None
    params: Params
    curve: Mapping[int, float] = field(default_factory=dict)
    seconds: float = 0.0
    failure: FailureReason | None = None
    run_id: str | None = None
    beside: Mapping[str, float] = field(default_factory=dict)
    """Metrics of the best epoch that are shown beside the objective."""
    order: int | None = None
    """Its place by all objectives, where there are several."""
    on_front: bool = False
    """Whether no other trial is better in one objective and as good in all; with one objective always False."""
    changes: Sequence[Mapping[str, Any]] = ()
    """Changes of hyperparameters during training: the epoch, the source of the weights, and the new params."""
    feasible: bool = True
    """Whether it is known to keep every constraint of the sweep."""
    steered: Sequence[str] = ()
    """What users have asked of it while the sweep ran, by whom and when."""
    by_user: Literal["paused", "boosted", "stopped"] | None = None
    """What holds of it since a user asked for it; None where nothing does."""
    cached: Mapping[str, Any] | None = None
    """Earlier ``sweep`` and ``trial`` whose values it took over up to ``epoch``; None where it took none."""
    further: Tried | None = None
    """Best values with further seeds; None where there is none yet."""
    first_value: float | None = None
    """Best value with the first seed, where ``best_value`` is the mean over all."""

    @property
    def word(self) -> str:
        """Its state for people, with what a user has asked of it."""
        word = state_word(self.state)
        if self.by_user == "boosted":
            return f"{word}, boosted" if self.state in ("running", "paused") else word
        return self.by_user if self.by_user and self.held_by_user else word

    @property
    def held_by_user(self) -> bool:
        """Whether it isn't trained on since a user stopped or paused it."""
        return self.by_user in ("paused", "stopped") and self.state in ("paused", "stopped")

    @property
    def epochs_trained(self) -> int:
        """Number of epochs that were trained: what was taken over is only where training went beyond."""
        taken = self.cached["epoch"] if self.cached else 0
        return self.epochs if self.epochs > taken else 0

    @property
    def own_best(self) -> float | None:
        """Best value with the first seed, which ``value`` and ``curve`` are of."""
        return self.best_value if self.first_value is None else self.first_value

    @property
    def tried(self) -> Tried | None:
        """Best values with all seeds, the search's first; None of one that failed, or that breaks a constraint."""
        if self.state == "failed" or self.best_value is None or not self.feasible:
            return None
        more = self.further or Tried(self.number, ())
        assert self.own_best is not None
        return Tried(self.number, [self.own_best, *more.values], more.num_failed)

    @property
    def error(self) -> str | None:
        """The failure in one line; None without an error."""
        return self.failure.line if self.failure and self.failure.is_error else None


def best_by(row: Row, epoch: int, objective: Objective) -> float | None:
    """Return a trial's best value up to an epoch; None where it had none by then."""
    return objective.best((value for at, value in row.curve.items() if at <= epoch), float)


def ranked(rows: Iterable[Row], objective: Objective) -> list[Row]:
    """Return the rows in the leaderboard's order: the best first, equal ones by number, failed ones last.

    Before the failed ones are those that are not known to keep the constraints.
    """
    in_order = sorted(rows, key=lambda row: (row.state == "failed", not row.feasible, row.number))
    able = [row for row in in_order if row.feasible and row.state != "failed"]
    if any(row.order is not None for row in able):
        by_place = sorted(able, key=lambda row: math.inf if row.order is None else row.order)
        return [*by_place, *in_order[len(able) :]]
    return [*objective.ranked(able, lambda row: row.best_value), *in_order[len(able) :]]


def best_of(rows: Iterable[Row], objective: Objective) -> Row | None:
    """Return the best row that did not fail and keeps the constraints; None where none has a value.

    With several objectives it is the first of their order, which no other is better than in all of them.
    """
    able = [row for row in rows if row.feasible and row.state != "failed"]
    placed = [row for row in able if row.order is not None]
    if placed:
        return min(placed, key=lambda row: (row.order, row.number))
    return objective.best(sorted(able, key=lambda row: row.number), lambda row: row.best_value)


def recommended_of(rows: Sequence[Row], objective: Objective) -> Estimated | None:
    """Return what is known of the trial to recommend; None while each trial has been seen with one seed alone."""
    if not any(row.further for row in rows):
        return None
    return recommended([row.tried for row in rows if row.tried], objective)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """State of a sweep at one moment. ``rows`` are in trial order; ``best`` is a trial number or None.

    ``horizon`` is the largest number of epochs of a trial, ``eta_s`` the estimate of the seconds to the
    sweep's end, None while nothing is known.
    """

    phase: Phase
    rows: Sequence[Row]
    num_planned: int
    horizon: int
    best: int | None
    """Number of the trial with the best value in the search."""
    epochs_trained: int
    """Number of epochs that the search trained, each trial with its first seed."""
    epochs_saved: int
    """Number of epochs that early stopping saved, compared with training every trial to the end."""
    elapsed_s: float
    eta_s: float | None
    num_lanes: int
    finals_done: int = 0
    finals_planned: int = 0
    champion: int | None = None
    """Number of the trial that won the final evaluation; None before it has ended."""
    open_ended: bool = False
    """Whether trials end by themselves, nobody knows after how many epochs; ``horizon`` is then the most so far."""
    budget: str = ""
    """What was used of the budget, in words; empty without one."""
    epochs_of_further_seeds: int = 0
    """Number of epochs that trials were trained with further seeds."""
    retests_done: int = 0
    retests_begun: int = 0
    """Number of trainings that try the best trials again, with those that are over."""
    recommended: Estimated | None = None
    """What is known of the trial to recommend; None while each has been seen with one seed alone."""
    importance: Mapping[str, float] = field(default_factory=dict)
    """Shares of the hyperparameters, the most important first; empty where that is not known."""
    final_epochs: int = 0
    """Number of epochs that the final evaluation trained."""
    stage: str = ""
    """What the driver does beside training, in words; empty while it trains."""
    eta_least_s: float = 0.0
    """What of ``eta_s`` cannot pass in the present phase or stage, as it is of those after it."""
    search_eta_s: float | None = None
    """Estimate of the remaining seconds of the search alone."""

    @property
    def leader(self) -> int | None:
        """The one answer to which trial is best: the champion, before there is one the recommended or the best."""
        if self.champion is not None:
            return self.champion
        return self.recommended.trial if self.recommended else self.best


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """One distinct error of user code or of a lane, with the numbers of the trials that failed with it."""

    failure: FailureReason
    trials: tuple[int, ...]


class Observer(Protocol):
    """A view of a running sweep. The driver's thread calls its methods, which must return at once."""

    def progress(self, snapshot: Snapshot) -> None:
        """Show a new state of the sweep; called about four times a second at most."""

    def message(self, text: str) -> None:
        """Show a line that the user should read: a repair, a retry, an outage."""

    def link(self, url: str) -> None:
        """Show the address of the sweep in MLflow's UI."""
