"""Drives a race on known learning curves: no Ray, no torch, a clock that jumps from one report to the next.

It evaluates a sampler, a schedule or a rule for forming cohorts in seconds on tables of real results.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from search_spaces.race.legs import Leg, Member, MemberEpoch, Saved
from search_spaces.race.race import Race
from search_spaces.types.values import Params


@dataclass(frozen=True)
class SimulatedMoment:
    """The best value of any trial after ``time_s`` simulated seconds, and the epochs trained until then."""

    time_s: float
    best_value: float
    num_epochs: int


@dataclass(frozen=True)
class Span:
    """Time in which a lane trained a leg, in simulated seconds from the race's start."""

    begin_s: float
    end_s: float
    leg: Leg


@dataclass(frozen=True)
class World:
    """Simulated training: ``curve(params, epoch)`` is the objective, ``epoch_s(leg)`` a leg's seconds per epoch.

    Where members continue from each other's checkpoints, ``learn`` replaces the curve: from parameters and the
    value at the last epoch (None before the first) it returns the value at the next one.
    """

    curve: Callable[[Params, int], float]
    learn: Callable[[Params, float | None], float] | None = None
    epoch_s: Callable[[Leg], float] = lambda leg: float(len(leg.members))
    num_lanes: int = 1
    fused: bool = False
    """Whether the members of a leg are one program."""
    seconds: Callable[[Leg, int], float] | None = None
    """Seconds of a certain epoch of a leg, instead of ``epoch_s``."""
    each_epoch: bool = False
    """Whether a leg reports after each epoch, and not all of them as it ends."""
    beside: Callable[[Params, int], Mapping[str, float]] = lambda params, epoch: {}
    """Further metrics after an epoch."""

    def takes_s(self, leg: Leg, start: int, stop: int) -> float:
        """Return the seconds of a leg's epochs after ``start`` and until ``stop``."""
        if self.seconds is None:
            return self.epoch_s(leg) * (stop - start)
        return sum(self.seconds(leg, epoch) for epoch in range(start + 1, stop + 1))


def simulate(
    race: Race,
    world: World,
    moments: bool = True,
    seen: Callable[[Span], None] | None = None,
    tick: Callable[[float], None] | None = None,
) -> list[SimulatedMoment]:
    """Run the race to its end and return one moment per finished leg. NaN in a curve is a diverged trial.

    Without ``moments`` none is returned: each ranks all trials. ``seen`` is told of each leg's time as it begins,
    ``tick`` the time in seconds before each report.
    """
    clock, num_epochs, history = 0.0, 0, []
    disk: dict[str, float] = {}
    out: list[tuple[float, int, int, Leg]] = []

    def train_on(leg: Leg, epoch: int) -> None:
        until = epoch + 1 if world.each_epoch else leg.stop
        heapq.heappush(out, (clock + world.takes_s(leg, epoch, until), leg.id, until, leg))

    while not race.finished:
        while len(out) < world.num_lanes and (leg := race.next_leg()):
            train_on(leg, leg.start)
            if seen:
                seen(Span(clock, clock + world.takes_s(leg, leg.start, leg.stop), leg))
        if len(out) == world.num_lanes:
            race.look_ahead()
        if not out:
            continue
        clock, _, epoch, leg = heapq.heappop(out)
        if tick:
            tick(clock)
        num_epochs += _report(race, leg, world, disk, epoch)
        if epoch < leg.stop and not race.closing:
            train_on(leg, epoch)
            continue
        _save(race, leg, epoch, disk)
        race.finished_leg(leg.id, world.takes_s(leg, leg.start, epoch), len(leg.members) if world.fused else 1)
        if moments and (best := race.ranked()[:1]):
            assert best[0].best_value is not None
            history.append(SimulatedMoment(clock, best[0].best_value, num_epochs))
    return history


def _report(race: Race, leg: Leg, world: World, disk: dict[str, float], until: int) -> int:
    """Report epochs of a leg; return their number, summed over members. ``disk`` has what each has come to."""
    metric, measured = race.rules.objective.name, []
    for epoch in range(until if world.each_epoch else leg.start + 1, until + 1):
        for member in leg.members:
            before = disk.get((member.checkpoint or "") if epoch == leg.start + 1 else member.key)
            disk[member.key] = value = _value(world, member, epoch, before)
            metrics = {**world.beside(member.params, epoch), metric: value}
            measured.append(MemberEpoch(key=member.key, epoch=epoch, metrics=metrics))
    race.reported(leg.id, measured)
    return len(measured)


def _save(race: Race, leg: Leg, epoch: int, disk: dict[str, float]) -> None:
    saved = {member.key: f"{member.key}/e{epoch}" for member in leg.members}
    disk |= {uri: disk[key] for key, uri in saved.items()}
    race.saved(leg.id, [Saved(key=key, epoch=epoch, uri=uri) for key, uri in saved.items()])


def _value(world: World, member: Member, epoch: int, before: float | None) -> float:
    return world.learn(member.params, before) if world.learn else world.curve(member.params, epoch)
