"""A checkpoint that is damaged while the sweep runs: real legs, study and MLflow, and no Ray."""

from __future__ import annotations

import traceback
from pathlib import Path

from cluster.sweep.coordinator import Coordinator
from cluster.sweep.data_process import Preparing
from cluster.sweep.home import SweepHome
from cluster.sweep.messages import Report
from cluster.sweep.stop import Stop
from cluster.sweep.tracker import header
from search_spaces.race.legs import Leg
from search_spaces.race.search import Search
from search_spaces.spec.sweep import parse_sweep
from search_spaces.study.study import Study
from search_spaces.types.failure import FailureReason
from tests.helpers.small_sweep_in_mlflow import curve, runs_of
from tracking.writer.writer import Writer
from workloads.legs.runner import LegRunner, LegSetting
from workloads.registry import catalogue, workload

SPEC = """
workload: softmax
data: {name: wine}
epochs: 9
trials: 9
cohort: 3
final: none
parameters:
  lr: {min: 1e-3, max: 3e-2, log: true}
"""


def trained(runner: LegRunner, leg: Leg) -> Report:
    """The whole leg in one report, as a lane would tell it."""
    try:
        runner.start(leg)
        epochs = []
        while not runner.done:
            epochs += runner.epoch()
        return Report(epochs=epochs, saved=runner.save(), done=True, seconds=0.1)
    except Exception:  # noqa: BLE001 - as in Lane.step
        return Report(failure=FailureReason("raised", traceback.format_exc()), done=True)


def test_a_checkpoint_that_is_torn_while_the_sweep_runs_is_passed_over(tmp_path: Path, sqlite_uri: str) -> None:
    sweep = parse_sweep(SPEC, "spec.yaml", tmp_path, catalogue=catalogue())
    home, data, messages = SweepHome.create(sweep, tmp_path), Preparing(sweep).result(), list[str]()
    study = Study(home.id, sweep.metric.goal, home.journal)
    writer = Writer(sqlite_uri, home.spool, header(home, sweep, data.card), messages.append)
    coordinator = Coordinator(
        sweep=sweep,
        home=home,
        study=study,
        search=Search(sweep, workload(sweep.workload).hyperparameters, study),
        writer=writer,
        num_lanes=1,
        say=messages.append,
        stop=Stop(home.stop_mark),
    )
    setting = LegSetting(sweep.workload, sweep.objective, home.checkpoints, "cpu")
    runner = LegRunner(setting, data.search)
    torn: set[str] = set()
    while leg := coordinator.next_leg():
        if leg.start and not torn:
            torn = {str(member.checkpoint) for member in leg.members}
            for uri in torn:
                (Path(uri) / "weights.pt").write_bytes(b"half of it")
        coordinator.report((leg.purpose, leg.id), trained(runner, leg))
    assert writer.close(60)
    told = [message for message in messages if "is torn" in message]
    assert torn and len(told) == len(torn)
    assert all(message.endswith("continues from epoch 0") for message in told)
    assert {record.outcome for record in study.records()} == {"done", "stopped"}
    for record in study.records():
        [run] = runs_of(sqlite_uri, home.id)[f"t{record.number:04d}"]
        points = curve(sqlite_uri, run.info.run_id, sweep.metric.name)
        assert sorted(step for step, _ in points) == sorted(record.values)
