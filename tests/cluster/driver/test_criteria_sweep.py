"""One real sweep of two objectives and a constraint: the front in the study, JSON, text and MLflow; a refusal."""

from __future__ import annotations

import json
from pathlib import Path

import mlflow
import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from tests.helpers.sweep_here import Here
from tracking.results.registered_model import tracking_at

SWEEP = """
name: two
workload: mlp
data: {name: wine}
metrics: [{name: val_accuracy}, {name: params_m}]
constraints: [{metric: params_m, max: 0.0005}]
parameters:
  width: {values: [4, 8, 16, 64]}
  depth: 1
  lr: {min: 1e-3, max: 1e-1, log: true}
trials: 8
epochs: 3
early_terminate: {type: asha, eta: 2}
final: {top: 1, seeds: 2}
"""


@pytest.mark.slow
@pytest.mark.soak  # races of several objectives and of constraints have their own suites
def test_a_sweep_of_two_objectives_with_a_constraint(tmp_path: Path) -> None:
    folder = Here(tmp_path)
    folder.write(SWEEP)
    checked = folder.paceline("check", "sweep.yaml")
    assert "mlp, maximize val_accuracy and minimize params_m" in checked.stdout
    assert "constraints params_m <= 0.0005" in checked.stdout
    done = folder.paceline("run", "sweep.yaml", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    bad = {trial["number"] for trial in document["trials"] if trial["state"] == "infeasible"}
    wide = {trial["number"] for trial in document["trials"] if trial["params"].get("width") == 64}
    assert 0 < len(bad) < 8 and wide <= bad
    [constraint] = document["constraints"]
    assert constraint["num_broken"] == len(bad)
    front = document["pareto_front"]
    numbers = [one["number"] for one in front["trials"]]
    judged = [one["number"] for one in document["verdict"]["finalists"]]
    assert numbers and not bad & {*numbers, *judged, document["best"]["number"]}
    assert document["verdict"]["breaks"] is None
    values = [(one["values"]["val_accuracy"], one["values"]["params_m"]) for one in front["trials"]]
    assert values == sorted(values, reverse=True) and all(size <= 0.0005 for _, size in values)

    shown = folder.paceline("show", document["sweep"]).stdout
    assert f"front (maximize val_accuracy and minimize params_m): {len(numbers)} trial" in shown
    assert "the constraint params_m <= 0.0005" in shown and f"{len(bad)} infeasible" in shown

    with tracking_at(f"sqlite:///{tmp_path}/mlflow.db"):
        parent = mlflow.get_run(document["tracking"]["parent_run_id"])
        run = mlflow.get_run(next(t["run_id"] for t in document["trials"] if t["number"] in bad))
    assert parent.data.tags["sweep.front"] == ", ".join(f"t{number:03d}" for number in numbers)
    assert parent.data.metrics["sweep/hypervolume"] == pytest.approx(front["hypervolume"], rel=1e-5)
    assert (run.info.status, run.data.tags["trial.state"]) == ("FINISHED", "infeasible")
    assert run.data.tags["trial.error"].startswith("infeasible: params_m is ")

    journal = str(next(tmp_path.rglob("journal.log")))
    study = optuna.load_study(study_name=document["sweep"], storage=JournalStorage(JournalFileBackend(journal)))
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE"]


@pytest.mark.soak
def test_a_metric_that_nobody_reports_ends_the_sweep_after_its_first_leg(tmp_path: Path) -> None:
    folder = Here(tmp_path)
    folder.write(
        "workload: workloads.examples.sklearn_sgd:train\ndata: {name: wine}\ntrials: 6\nepochs: 2\nfinal: none\n"
        "max_concurrent: 1\ncohort: 1\nconstraints: [{metric: val_acuracy, min: 0.1}]\n"
    )
    done = folder.paceline("run", "sweep.yaml")
    assert done.returncode == 2
    assert "constraints.0.metric: nobody reports this metric; the first trial reported" in done.stderr
    assert "received 'val_acuracy', did you mean 'val_accuracy'?" in done.stderr
    [sweep] = json.loads(folder.paceline("ls", "--json").stdout)
    assert sweep["state"] == "stopped" and sweep["trials"] < 6
