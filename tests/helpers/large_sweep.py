"""Makes the home of a large sweep in seconds: the race and the verdict are real, learning curves are a formula.

    python -m tests.helpers.large_sweep [trials=2000 epochs=50 "early_terminate={type: none}"]

makes one in the working folder and prints its ID; without early stopping all are trained to the end.

Of 2,000 trials some 1,600 are stopped early; some diverge, raise one of two errors, or are infeasible. The search
is cut off half way and resumed. Planted: ``lr`` decides most, then ``dropout``; ``weight_decay`` does nothing.
"""

from __future__ import annotations

import dataclasses
import json
import math
import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.driver.beside import Beside
from cluster.driver.judging import judge
from cluster.driver.verdict import Finalists
from cluster.sweep import reading
from cluster.sweep.home import SweepHome
from cluster.sweep.provenance.environment import ENVIRONMENTS
from cluster.sweep.provenance.leg_log import PREFIX, LegRecord
from cluster.terminal.records import Row
from search_spaces.race.finals import Finals, final_seeds, finalists
from search_spaces.race.legs import Leg, Member, MemberEpoch, Saved, Scored
from search_spaces.race.race import Race
from search_spaces.race.search import Search
from search_spaces.spec.sweep import Sweep, parse_sweep
from search_spaces.study.study import Study
from search_spaces.types.failure import FailureReason
from search_spaces.types.values import Params
from tracking.results.intervals import Estimate
from workloads.registry import catalogue

SPEC = """
name: large
workload: mlp
data: {name: digits}
method: random
trials: 2000
epochs: 50
seed: 1
early_terminate: {type: asha, min_iter: 2, eta: 3}
parameters:
  lr: {min: 1e-4, max: 1.0, log: true}
  dropout: {min: 0.0, max: 0.8}
  width: {values: [32, 64, 128, 256]}
  activation: {values: [relu, tanh, gelu]}
  optimizer: {values: [sgd, adam]}
  momentum: {min: 0.5, max: 0.99, when: {optimizer: sgd}}
  weight_decay: {min: 1e-6, max: 1e-2, log: true}
final: {top: 3, seeds: 3}
"""
TRACKING = {
    "uri": "http://127.0.0.1:9",
    "experiment_id": "7",
    "parent_run_id": "abc",
    "url": "http://127.0.0.1:9/#/x",
}
CARD = {
    "name": "digits",
    "digest": "0" * 64,
    "rows": {"train": 1258, "val": 269, "test": 270},
    "classes": list(map(str, range(10))),
}
ENVIRONMENT = {
    "lanes": 2,
    "python": "3.13.0",
    "packages": {"paceline": "0.1", "torch": "2.15"},
    "machine": {"system": "Linux 6.8", "cpu": "a CPU", "cpus": 4, "memory_gib": 15.6, "gpus": []},
    "git": {"commit": "0123456789abcdef0123456789abcdef01234567", "dirty": True},
}
DIVERGES_ABOVE = 0.4
"""Learning rate."""
FAILURES: Mapping[int, FailureReason] = {
    7: FailureReason("raised", "Traceback:\n  deep in it\nValueError: a value of t%03d"),
    23: FailureReason("raised", "Traceback:\n  elsewhere\nOSError: no space left on device"),
    31: FailureReason("infeasible", "a batch of 1 has no variance"),
}
"""Why a trial fails, by the remainder of its number after division by ``EVERY``."""
EVERY = 60
SECONDS_AN_EPOCH = 0.05


def large_sweep(*overrides: str, most_legs: int | None = None, **facts: Any) -> SweepHome:
    """Make the home in the working folder and return it. ``facts`` replace facts of its study.

    With ``most_legs`` its driver was killed after so many legs of the search, and nothing is judged.
    """
    sweep = parse_sweep(SPEC, "large.yaml", Path.cwd(), overrides, catalogue=catalogue())
    home = SweepHome.create(sweep)
    home.data.write_text(json.dumps({"card": CARD, "indices": {}}))
    lanes, (study, race) = _Lanes(home.began_s), _search(home, sweep)
    _train(race, study, lanes, sweep.trials // 40 if most_legs is None else most_legs)
    study.flush()
    if most_legs is None:
        study, race = _search(home, sweep)  # resumed
        _train(race, study, lanes)
        _judge(sweep, study, race, lanes)
    past, over = reading.rows(study, sweep.objective, live=False), most_legs is None
    told: dict[str, Any] = {
        "phase": "finished" if over else "search",
        "searched": over,
        "complete": over,
        "tracking": TRACKING,
    }
    told |= {"cost": _cost(past), "run_ids": {str(row.number): f"{row.number:032x}" for row in past}}
    told |= {reading.IMPORTANCE: reading.importance(sweep, past), ENVIRONMENTS: [ENVIRONMENT]}
    for key, value in (told | facts).items():
        study.set(key, value)
    study.flush()
    return home


def score(trial: int, seed: int, params: Params, epoch: int) -> float:
    """Return the accuracy after an epoch; NaN of one that diverges."""
    lr, dropout = float(str(params["lr"])), float(str(params["dropout"]))
    if lr > DIVERGES_ABOVE and epoch > 3:
        return math.nan
    best = 0.97 - 0.06 * (math.log10(lr) + 1.5) ** 2 - 0.8 * (dropout - 0.2) ** 2
    best -= 0.01 * (params["activation"] == "tanh") + 0.15 * max(0.0, math.log10(lr) + 0.6)
    noise = random.Random(f"{trial} {seed} {epoch}").gauss(0, 0.006)
    return min(1.0, max(0.05, best * (1 - 0.8 * math.exp(-epoch * max(lr, 0.01) ** 0.4)) + noise))


def _search(home: SweepHome, sweep: Sweep) -> tuple[Study, Race]:
    study = Study(home.id, sweep.goals, home.journal)
    return study, Search(sweep, catalogue().workload(sweep.workload).hyperparameters, study).race(num_lanes=2)


@dataclass
class _Lanes:
    """Two lanes, and when each is free, in seconds since 1970."""

    begun_s: float
    num_legs: int = 0

    def __post_init__(self) -> None:
        self.free_s = {"node-a 101": self.begun_s + 5.0, "node-a 102": self.begun_s + 5.2}

    def log(self, leg: Leg, failed: bool) -> str:
        """Return the record of a leg of the lane that is free first."""
        lane = min(self.free_s, key=lambda name: self.free_s[name])
        began = self.free_s[lane]
        self.free_s[lane] += 0.01 + SECONDS_AN_EPOCH * (leg.stop - leg.start) * len(leg.members) ** 0.5
        self.num_legs += 1
        record = LegRecord(
            purpose=leg.purpose,
            members=tuple(member.key for member in leg.members),
            start=leg.start,
            stop=leg.stop,
            began_s=round(began, 3),
            ended_s=round(self.free_s[lane], 3),
            lane=lane,
            fused=len(leg.members),
            failed=failed,
        )
        return json.dumps(dataclasses.asdict(record))


def _train(race: Race, study: Study, lanes: _Lanes, most_legs: int | None = None) -> None:
    num_legs = 0
    while (most_legs is None or num_legs < most_legs) and (leg := race.next_leg()):
        num_legs += 1
        alive = {member.key for member in leg.members}
        for epoch in range(leg.start + 1, leg.stop + 1):
            found = [_measured(leg, member, epoch) for member in leg.members if member.key in alive]
            race.reported(leg.id, found)
            alive -= {one.key for one in found if one.failure or math.isnan(one.metrics["val_accuracy"])}
        place = f"/nowhere/e{leg.stop:04d}"
        race.saved(leg.id, [Saved(key=key, epoch=leg.stop, uri=f"{place}/{key}") for key in sorted(alive)])
        race.finished_leg(leg.id, SECONDS_AN_EPOCH * (leg.stop - leg.start) * len(leg.members), len(leg.members))
        study.set(f"{PREFIX}{lanes.num_legs:06d}", lanes.log(leg, not alive))


def _measured(leg: Leg, member: Member, epoch: int) -> MemberEpoch:
    value = score(member.trial, member.seed, member.params, epoch)
    reason = FAILURES.get(member.trial % EVERY) if leg.purpose == "search" and epoch == 2 else None
    if reason is not None and "%" in reason.text:
        reason = FailureReason(reason.kind, reason.text % member.trial)
    return MemberEpoch(key=member.key, epoch=epoch, metrics={"val_accuracy": value}, failure=reason)


def _judge(sweep: Sweep, study: Study, search: Race, lanes: _Lanes) -> None:
    """Train and score the finalists, and keep the verdict, with a baseline that wins."""
    assert sweep.final is not None
    finals = Finals(study, sweep.epochs)
    race = finals.race(finalists(search, sweep.final.top), final_seeds(sweep.seed, sweep.final.seeds), search.rules)
    tracks = {track.key: track for track in race.tracks}
    _train(race, study, lanes)
    for track in tracks.values():
        assert track.best_epoch is not None
        test = score(track.trial, track.seed, track.params, track.best_epoch) - 0.01
        finals.scored(track, Scored(key=track.key, best_epoch=track.best_epoch, metrics={"test_accuracy": test}))
    searched = {track.trial: track.best_value for track in search.tracks if track.best_value is not None}
    judging = Finalists(race, finals.entries, searched)
    case = judging.case(sweep.workload, "/nowhere", tested_by="the formula")
    assert case is not None
    judged = dataclasses.replace(judge(case), baselines=_baselines(judge(case).champion.mean))
    words = "No overfitting: validation loss 0.11 at its lowest (epoch 40), 0.12 at the end"
    study.set("verdict", judging.verdict(case, judged) | {"overfitting": words, "tested_by": None})


def _baselines(champion: float) -> Sequence[Beside]:
    def one(name: str, trained: bool, value: float) -> Beside:
        gain = champion - value
        difference = Estimate(mean=gain, low=gain - 0.01, high=gain + 0.01, num_seeds=3)
        score = Estimate(mean=value, low=value - 0.02, high=value + 0.02, num_seeds=1)
        return Beside(
            name=name,
            trained=trained,
            score=score,
            difference=difference,
            num_rows=1258,
            of_rows=1258,
            seconds=1.0,
            failed=None,
        )

    return [one("majority class", False, 0.1), one("logistic regression on pixels", True, champion + 0.02)]


def _cost(found: Sequence[Row]) -> dict[str, Any]:
    seconds = sum(row.seconds for row in found) / 2
    parts = {"start": 5.0, "data": 1.0, "training": seconds, "waiting": 2.0, "champion": 12.0, "logging": 1.0}
    return {"seconds": seconds + 21.0, "search_seconds": seconds, "lanes": 2, "parts": parts}


if __name__ == "__main__":
    print(large_sweep(*sys.argv[1:]).id)
