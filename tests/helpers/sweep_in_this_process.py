"""Runs a sweep without Ray, MLflow or failures: the same race, its legs trained one by one in this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.driver.baselines_aside import measure_here
from cluster.driver.judging import judge
from cluster.driver.verdict import Finalists
from cluster.sweep.data_process import Preparing
from search_spaces.race.finals import Finals, final_seeds, finalists
from search_spaces.race.legs import Leg, Member
from search_spaces.race.race import Race
from search_spaces.race.search import Search
from search_spaces.race.track import Track
from search_spaces.spec.sweep import Sweep, load_sweep
from search_spaces.study.study import Study
from workloads.data.prepare import prepare
from workloads.legs.runner import LegRunner, LegSetting
from workloads.registry import catalogue, workload


@dataclass(frozen=True)
class Outcome:
    """Result of a sweep: its trials, the verdict of ``--json``, ``{trial: {seed: test value}}``, predictions."""

    trials: Sequence[Track]
    verdict: Mapping[str, Any]
    scores: Mapping[int, Mapping[int, float]]
    predictions: bytes


def outcome(spec: Path, scratch: Path, *overrides: str) -> Outcome:
    """Run the sweep of the file ``spec``, in the empty folder ``scratch``, and return its result."""
    sweep = load_sweep(spec, overrides, catalogue=catalogue())
    assert sweep.final is not None
    data = prepare(sweep.data, sweep.problem)
    study = Study("undisturbed", sweep.metric.goal, scratch / "journal.log")
    setting = LegSetting(sweep.workload, sweep.objective, str(scratch), "cpu")
    runner = LegRunner(setting, data.search)
    search = Search(sweep, workload(sweep.workload).hyperparameters, study).race(num_lanes=1)
    train(search, runner)
    finals = Finals(study, sweep.epochs)
    seeds = final_seeds(sweep.seed, sweep.final.seeds)
    race = finals.race(finalists(search, sweep.final.top), seeds, search.rules)
    runner.test = data.test
    train(race, runner, finals)
    searched = {track.trial: track.best_value for track in search.tracks if track.best_value is not None}
    judging = Finalists(race, finals.entries, searched)
    case = judging.case(sweep.workload, str(scratch), tuple(data.indices["test"].tolist()))
    assert case is not None
    measure_here(sweep.workload, case.metric, str(scratch), data.search, data.test)
    judged = judge(case, data.search, data.test)
    return Outcome(search.tracks, judging.verdict(case, judged), case.scores, judged.predictions)


def train_first(sweep: Sweep, scratch: Path) -> None:
    """Check that one epoch of the sweep's default configuration trains, and measures the objective."""
    data = Preparing(sweep).result()
    setting = LegSetting(sweep.workload, sweep.objective, str(scratch), "cpu")
    runner = LegRunner(setting, data.search)
    member = Member(trial=0, seed=sweep.seed, params=sweep.constants)
    runner.start(Leg(id=0, start=0, stop=1, horizon=sweep.epochs, members=(member,)))
    (told,) = runner.epoch()
    assert told.failure is None and sweep.metric.name in told.metrics, told


def train(race: Race, runner: LegRunner, finals: Finals | None = None) -> None:
    """Train all legs of the race; with ``finals``, score their members on the test split."""
    while leg := race.next_leg():
        tracks = {track.key: track for track in race.running()[0][1]}
        runner.start(leg)
        while not runner.done:
            race.reported(leg.id, runner.epoch())
        race.saved(leg.id, runner.save())
        for scored in runner.score() if finals else ():
            assert finals is not None
            finals.scored(tracks[scored.key], scored)
        race.finished_leg(leg.id)
