"""Simulates the searches of a sweep on recorded curves, under several schedules, numbers of lanes and seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from search_spaces.race.legs import Leg
from search_spaces.race.race import Race
from search_spaces.race.search import Search
from search_spaces.race.track import Track
from search_spaces.samplers.contract import Sampler
from search_spaces.samplers.history import History
from search_spaces.simulation.clock import Span, World, simulate
from search_spaces.simulation.recorded import Recorded
from search_spaces.spec.sweep import Sweep
from search_spaces.types.values import Params


@dataclass(frozen=True)
class RecordedSampler:
    """Proposes the recorded configurations nearest to those that ``inner`` does, each once.

    So what the sampler is told is true of what it proposed.
    """

    inner: Sampler
    recorded: Recorded

    def is_blind(self, history: History) -> bool:
        """Whether the next answer would ignore the history."""
        return self.inner.is_blind(history)

    def ask(self, history: History, count: int, held: Params) -> list[Params]:
        """Return at most ``count`` recorded configurations that no trial has."""
        tried = {self.recorded.of(seen.params) for seen in history.seen.values()}
        free = np.array(
            [self._may(place, held) and place not in tried for place in range(len(self.recorded.values))]
        )
        found: list[Params] = []
        for params in self.inner.ask(history, min(count, int(free.sum())), held):
            place = int(np.argmin(np.where(free, self.recorded.distances(params), math.inf)))
            free[place] = False
            found.append(self.recorded.configurations[place])
        return found

    def _may(self, place: int, held: Params) -> bool:
        params = self.recorded.configurations[place]
        return all(name in params and params[name] == value for name, value in held.items())


@dataclass
class Run:
    """A simulated search. Times are in simulated seconds from its start."""

    schedule: str
    lanes: int
    seed: int
    seconds: float = 0.0
    epochs: int = 0
    trials: int = 0
    lane_use: float = 0.0
    """Share of the lanes' time in which they trained."""
    promotions: int = 0
    """Number of times that a trial went on from a rung."""
    reached: dict[int, int] = field(default_factory=dict)
    """Number of trials that were trained to each rung, by its epoch."""
    regret: list[tuple[float, float]] = field(default_factory=list)
    """Times at which another trial became the best, with its regret: how far what it comes to is from the best."""
    ended_by: str | None = None
    """What ended the search before all its trials were done; None where nothing did."""

    def regret_at(self, time_s: float) -> float:
        """Return the regret at a time; NaN before the first value."""
        return next((regret for at, regret in reversed(self.regret) if at <= time_s), math.nan)


def run(sweep: Sweep, hyperparameters: type, recorded: Recorded, name: str, lanes: int) -> Run:
    """Simulate one search of the sweep, with its schedule, which is called ``name``, and its seed."""
    sweep = sweep.model_copy(update={"trials": min(sweep.trials, len(recorded.values))})
    search = Search(sweep, hyperparameters, None)
    search.sampler = RecordedSampler(search.sampler, recorded)
    watch = _Watch(recorded, Run(name, lanes, sweep.seed), sweep.timeout_s or math.inf)
    watch.race = race = search.race(lanes, [watch])

    def seconds(leg: Leg, epoch: int) -> float:
        return sum(recorded.takes_s(member.params, epoch) for member in leg.members)

    world = World(recorded.value, num_lanes=lanes, seconds=seconds, each_epoch=True, beside=recorded.beside_at)
    simulate(race, world, moments=False, seen=watch.began, tick=watch.tick)
    return watch.closed(race)


@dataclass
class _Watch:
    """Observer of a simulated race that fills in its ``run``."""

    recorded: Recorded
    run: Run
    timeout_s: float
    race: Race | None = None
    now_s: float = 0.0
    busy_s: float = 0.0
    best: tuple[float, int] = (math.inf, -1)
    scores: dict[int, float] = field(default_factory=dict)
    """Best value so far of each trial that keeps the constraints, signed so that lower is better, by index."""

    def tick(self, time_s: float) -> None:
        """Note the time, and end the search after its timeout, or when its hours are used up."""
        assert self.race is not None
        purse, passed_s = self.race.purse, time_s - self.now_s
        purse.lane_s += passed_s * len(self.race.running())
        self.now_s = time_s
        if self.race.closing:
            return
        if time_s > self.timeout_s:
            self.race.closing = f"the timeout of {self.timeout_s:g} s has passed"
        elif purse.overrun:
            self.race.closing = f"the budget of {purse.limits.lane_told} is used up"

    def began(self, span: Span) -> None:
        """Note that a lane trains a leg."""
        self.busy_s += span.end_s - span.begin_s
        self.run.promotions += len(span.leg.members) if span.leg.start else 0

    def reported(self, track: Track, epoch: int, value: float) -> None:
        """Note an epoch, and whether another trial is the best now."""
        self.run.epochs += 1
        if not self.recorded.criteria:
            if (score := self.recorded.objective.signed(value)) < self.best[0]:
                self._lead(score, track)
            return
        self.scores.pop(track.index, None)
        if track.feasible:
            self.scores[track.index] = self.recorded.objective.signed(track.best_value)
        leader = min(self.scores, key=lambda index: self.scores[index], default=None)
        if leader is not None and self.race:
            self._lead(self.scores[leader], self.race.tracks[leader])

    def _lead(self, score: float, track: Track) -> None:
        if track.index != self.best[1]:
            place, value = self.recorded.of(track.params), self.recorded.objective.signed(score)
            self.run.regret.append((self.now_s, self.recorded.regret(place, value)))
        self.best = score, track.index

    def moved(self, track: Track) -> None:
        """Nothing: a change of state has no part in the figures."""

    def ended(self, track: Track) -> None:
        """Nothing, likewise."""

    def closed(self, race: Race) -> Run:
        """Return the run, with what is known at its end."""
        run, rungs = self.run, race.schedule.rungs
        run.seconds, run.trials, run.ended_by = self.now_s, len(race.tracks), race.closing
        run.lane_use = min(1.0, self.busy_s / (run.lanes * self.now_s)) if self.now_s else 0.0
        run.reached = {rung: sum(track.trained >= rung for track in race.tracks) for rung in rungs}
        return run


@dataclass(frozen=True)
class Mean:
    """Means of a schedule's runs on so many lanes over their seeds; ``regret`` is that at each of the marks."""

    schedule: str
    lanes: int
    runs: int
    seconds: float
    epochs: float
    lane_use: float
    promotions: float
    trained_to_end: float
    regret: Sequence[float]


def marks(runs: Sequence[Run]) -> list[float]:
    """Return the times at which runs are compared: a sixteenth, an eighth ... of the longest one, and its end."""
    end_s = max(run.seconds for run in runs)
    return [end_s / 2**power for power in (4, 3, 2, 1, 0)]


def means(runs: Sequence[Run]) -> list[Mean]:
    """Return a row for each schedule and number of lanes, in the order of the runs."""
    at, found = marks(runs), []
    for schedule, lanes in dict.fromkeys((run.schedule, run.lanes) for run in runs):
        those = [run for run in runs if (run.schedule, run.lanes) == (schedule, lanes)]
        found.append(
            Mean(
                schedule=schedule,
                lanes=lanes,
                runs=len(those),
                seconds=float(np.mean([run.seconds for run in those])),
                epochs=float(np.mean([run.epochs for run in those])),
                lane_use=float(np.mean([run.lane_use for run in those])),
                promotions=float(np.mean([run.promotions for run in those])),
                trained_to_end=float(np.mean([run.reached[max(run.reached)] for run in those])),
                regret=[float(np.mean([run.regret_at(time_s) for run in those])) for time_s in at],
            )
        )
    return found
