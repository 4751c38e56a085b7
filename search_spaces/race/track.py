"""One member on its way through the rungs: what the race knows of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from search_spaces.race.legs import Member
from search_spaces.samplers.contract import Observation
from search_spaces.space.hyperparameters import Signature
from search_spaces.types.failure import FailureReason
from search_spaces.types.objective import Objective
from search_spaces.types.values import Params

State = Literal["ready", "running", "paused", "done", "stopped", "failed"]
"""ready: may train; paused: waits at a rung for its schedule; the last three are ends."""
ENDS = ("done", "stopped", "failed")


@dataclass(frozen=True, kw_only=True)
class Exploited:
    """At ``epoch`` the member took over the weights of ``source`` and changed ``params``."""

    epoch: int
    source: int
    params: Params


@dataclass(kw_only=True)
class Track:
    """A member's state. ``index`` counts the race's tracks; in a search it is the trial's number."""

    index: int
    trial: int
    seed: int
    searched: Params
    params: Params
    """All hyperparameters as they are now: a schedule may change them at a rung."""
    signature: Signature
    objective: Objective
    state: State = "ready"
    epoch: int = 0
    """Epochs done and safe: training goes on behind it."""
    checkpoint: str | None = None
    previous: str | None = None
    """The checkpoint before, kept until the newer one is recorded."""
    values: dict[int, float] = field(default_factory=dict)
    scores: dict[int, float] = field(default_factory=dict)
    """At each rung reached, the best value so far, turned so that higher is better."""
    best_epoch: int | None = None
    beside: Mapping[str, float] = field(default_factory=dict)
    """Of the best epoch, what is shown beside the objective."""
    last: int | None = None
    """The epoch after which it is done before the schedule's end, since it improved no more."""
    num_failures: int = 0
    alone: bool = False
    """True after it was aboard a cohort that died: it goes on by itself, so as not to take others down."""
    failure: FailureReason | None = None
    """Why it failed, or was tried again; of a stopped one, why the search ended before it."""
    seconds: float = 0.0
    exploits: list[Exploited] = field(default_factory=list)
    initial: Params = field(init=False)
    """The hyperparameters it began with."""

    def __post_init__(self) -> None:
        self.initial = self.params

    @property
    def number(self) -> int:
        """Names it in a schedule's decisions."""
        return self.index

    @property
    def waiting(self) -> bool:
        """Whether it is paused at a rung, for a decision."""
        return self.state == "paused"

    @property
    def ended(self) -> bool:
        """Whether it goes nowhere any more."""
        return self.state in ENDS

    @property
    def has_checkpoint(self) -> bool:
        """Whether another member can go on from where it stands."""
        return self.checkpoint is not None

    @property
    def changed(self) -> Params:
        """Of the hyperparameters, those that a schedule has ever changed, as they are now."""
        return {name: self.params[name] for exploited in self.exploits for name in exploited.params}

    @property
    def key(self) -> str:
        """As ``Member.key``."""
        return self.member.key

    @property
    def member(self) -> Member:
        """What a leg carries of it."""
        return Member(trial=self.trial, seed=self.seed, params=self.params, checkpoint=self.checkpoint)

    @property
    def best_value(self) -> float | None:
        """The best value of any epoch; None before the first."""
        return None if self.best_epoch is None else self.values[self.best_epoch]

    def measure(self, epoch: int, value: float) -> None:
        """Takes the value of one more epoch; of equal best values the last counts.

        Where validation tells no more, schedules have brought the learning rate further down.
        """
        self.values[epoch] = value
        if self.objective.reaches(value, self.best_value):
            self.best_epoch = epoch

    def secure(self, epoch: int, uri: str | None) -> list[str]:
        """What comes goes on behind ``epoch``, from the checkpoint there if any; returns those nobody needs now."""
        before = self.checkpoint if self.checkpoint != uri else None
        needless = [self.previous] if uri else [self.previous, before]
        self.previous = before if uri else None
        self.epoch, self.checkpoint = epoch, uri
        return [found for found in needless if found and found != uri]

    def exploit(self, exploited: Exploited) -> None:
        """Changes the hyperparameters. The weights are taken over by ``secure``."""
        self.exploits.append(exploited)
        self.params = {**self.params, **exploited.params}

    def reached(self, rung: int) -> None:
        """Records the score at a rung."""
        self.scores[rung] = max(
            -self.objective.signed(value) for epoch, value in self.values.items() if epoch <= rung
        )

    def observation(self) -> Observation:
        """The trial as a sampler should see it now."""
        seen: dict[State, Literal["running", "paused", "done", "failed"]] = {
            "done": "done",
            "failed": "failed",
            "paused": "paused",
            "stopped": "paused",
        }
        return Observation(self.searched, seen.get(self.state, "running"), self.values, self.best_value)
