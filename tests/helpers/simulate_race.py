"""Simulates a race on known learning curves: no Ray, no torch, a clock that jumps from one report to the next.

It evaluates a sampler, a schedule or a rule for forming cohorts in seconds on tables of real results.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
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


def simulate(race: Race, world: World, moments: bool = True) -> list[SimulatedMoment]:
    """Run the race to its end and return one moment per finished leg. NaN in a curve is a diverged trial.

    Without ``moments`` none is returned: each ranks all trials.
    """
    clock, num_epochs, history = 0.0, 0, []
    disk: dict[str, float] = {}
    out: list[tuple[float, int, Leg]] = []
    while not race.finished:
        while len(out) < world.num_lanes and (leg := race.next_leg()):
            heapq.heappush(out, (clock + world.epoch_s(leg) * (leg.stop - leg.start), leg.id, leg))
        if len(out) == world.num_lanes:
            race.look_ahead()
        if not out:
            continue
        clock, _, leg = heapq.heappop(out)
        seconds = world.epoch_s(leg) * (leg.stop - leg.start)
        num_epochs += train(race, leg, world, disk)
        race.finished_leg(leg.id, seconds, len(leg.members) if world.fused else 1)
        if moments and (best := race.ranked()[:1]):
            assert best[0].best_value is not None
            history.append(SimulatedMoment(clock, best[0].best_value, num_epochs))
    return history


def train(race: Race, leg: Leg, world: World, disk: dict[str, float]) -> int:
    """Simulate a leg; return its epochs, summed over members. ``disk`` holds the value of each checkpoint."""
    metric, epochs = race.rules.objective.name, range(leg.start + 1, leg.stop + 1)
    values = {member.key: disk.get(member.checkpoint or "") for member in leg.members}
    measured = []
    for epoch in epochs:
        for member in leg.members:
            value = _value(world, member, epoch, values[member.key])
            values[member.key] = value
            measured.append(MemberEpoch(key=member.key, epoch=epoch, metrics={metric: value}))
    race.reported(leg.id, measured)
    saved = [Saved(key=member.key, epoch=leg.stop, uri=f"{member.key}/e{leg.stop}") for member in leg.members]
    disk |= {checkpoint.uri: values[checkpoint.key] or 0.0 for checkpoint in saved if checkpoint.uri}
    race.saved(leg.id, saved)
    return len(measured)


def _value(world: World, member: Member, epoch: int, before: float | None) -> float:
    return world.learn(member.params, before) if world.learn else world.curve(member.params, epoch)
