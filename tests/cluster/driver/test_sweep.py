"""One real sweep, looked at from every side; and sweeps whose trials misbehave."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest

from cluster.sweep.home import SweepHome
from cluster.sweep.provenance.environment import ENVIRONMENTS
from cluster.sweep.provenance.leg_log import legs
from cluster.sweep.reading import Reading
from tests.helpers.commands import Folder, agree
from tests.helpers.misbehaving_workload import HOG_GIB
from tests.helpers.sweep_here import Here
from tracking.results.registered_model import tracking_at

pytestmark = pytest.mark.slow

SPEC = """
name: small
workload: mlp
data: {name: wine}
epochs: 9
trials: 12
seed: 3
parameters:
  lr: {min: 1e-3, max: 3e-2, log: true}
  dropout: {min: 0.0, max: 0.5}
  batch_size: {values: [16, 32]}
final: {top: 2, seeds: 3}
"""
CHAOS = """
name: chaos
workload: tests.helpers.misbehaving_workload:CHAOS
data: {{name: wine}}
epochs: 2
early_terminate: none
cohort: 4
method: grid
max_failures: 1
final: none
parameters:
  lr: {{values: [0.01, 0.02]}}
  poison: {{values: [none, {poison}]}}
"""


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Folder, dict[str, Any]]]:
    folder = Here(tmp_path_factory.mktemp("sweep"))
    folder.write(SPEC)
    yield folder, folder.document("run", "sweep.yaml")


def test_optuna_mlflow_and_the_document_agree(sweep: tuple[Folder, dict[str, Any]]) -> None:
    folder, document = sweep
    agree(folder, document, 12)
    assert document["state"] == "finished"
    assert folder.document("show") == document


def test_legs_on_one_lane_follow_each_other_and_make_up_all_epochs(
    sweep: tuple[Folder, dict[str, Any]],
) -> None:
    folder, document = sweep
    facts = Reading.of(SweepHome.all(folder.path / ".paceline")[0]).study.facts()
    found = legs(facts)
    assert found and all(leg.lane and not leg.failed for leg in found)
    for lane in {leg.lane for leg in found}:
        own = sorted((leg for leg in found if leg.lane == lane), key=lambda leg: leg.began_s)
        assert all(later.began_s >= earlier.ended_s - 0.002 for earlier, later in pairwise(own))
    searched = [leg for leg in found if leg.purpose == "search"]
    assert sum(leg.epochs for leg in searched) == document["cost"]["epochs_trained"]
    assert {key for leg in found if leg.purpose == "final" for key in leg.members} == {
        key.removeprefix("final:") for key in facts if key.startswith("final:")
    }
    (environment,) = facts[ENVIRONMENTS]
    assert environment["packages"]["torch"] and environment["lanes"] == document["cost"]["lanes"]


def test_the_driver_s_files_are_for_its_user_alone(sweep: tuple[Folder, dict[str, Any]]) -> None:
    opened = [path for path in sweep[0].open_to_others() if path.startswith((".paceline ", "mlflow.db", "mlruns "))]
    inside = [
        path for path in sweep[0].open_to_others() if path.startswith(".paceline") and "checkpoints" not in path
    ]
    assert not opened and not inside


def test_the_default_configuration_is_tried_first(sweep: tuple[Folder, dict[str, Any]]) -> None:
    assert sweep[1]["trials"][0]["params"] == {"lr": 0.003, "dropout": 0.0, "batch_size": 64}


def test_asha_stopped_some_and_trained_some_to_the_end(sweep: tuple[Folder, dict[str, Any]]) -> None:
    trials = sweep[1]["trials"]
    ended = {trial["state"]: {t["epochs"] for t in trials if t["state"] == trial["state"]} for trial in trials}
    assert ended["done"] == {9}
    assert ended["stopped"] <= {1, 3}
    cost = sweep[1]["cost"]
    assert cost["epochs_trained"] + cost["epochs_saved"] == 12 * 9


def test_the_verdict_compares_with_the_default_on_the_test_split(sweep: tuple[Folder, dict[str, Any]]) -> None:
    folder, document = sweep
    verdict = document["verdict"]
    assert verdict["metric"] == "test_accuracy"
    assert verdict["winner"]["seeds"] == verdict["default"]["seeds"] == 3
    low, high = verdict["winner"]["ci95"]
    assert low <= verdict["winner"]["mean"] <= high
    difference = verdict["winner"]["mean"] - verdict["default"]["mean"]
    assert verdict["difference"]["mean"] == pytest.approx(difference)
    finals = folder.runs("final")
    assert {run["status"] for run in finals.values()} == {"FINISHED"}
    assert {f"t0000-s{seed}" for seed in (4, 5, 6)} <= set(finals)


def test_mlflow_tells_what_the_terminal_tells(sweep: tuple[Folder, dict[str, Any]]) -> None:
    import mlflow

    folder, document = sweep
    client = mlflow.MlflowClient(f"sqlite:///{folder.path}/mlflow.db")
    own = client.get_run(document["tracking"]["parent_run_id"])
    winner = document["verdict"]["winner"]
    finals = {key: client.get_run(run["run_id"]).data for key, run in folder.runs("final").items()}
    scores = [data.metrics["test_accuracy"] for key, data in finals.items() if int(key[1:5]) == winner["number"]]
    assert own.data.metrics["test_accuracy"] == pytest.approx(winner["mean"], rel=1e-6)
    assert sum(scores) / len(scores) == pytest.approx(winner["mean"], rel=1e-6)
    assert own.data.metrics["sweep/epochs_trained"] == document["cost"]["epochs_trained"]
    assert (own.data.tags["sweep.state"], document["status"]) == ("finished", "finished")
    trials = folder.runs("trial")
    assert {key for key, run in trials.items() if run["trial.final"] == "champion"} == {f"t{winner['number']:04d}"}
    scored = {int(key[1:5]) for key, data in finals.items() if "test_accuracy" in data.metrics}
    told = {one["number"] for one in document["verdict"]["finalists"]}
    marked = {int(key[1:]) for key, run in trials.items() if run["trial.final"]}
    assert scored == told == marked, "all finalists are scored, listed and marked"


def test_no_trial_of_the_search_knows_the_test_split(sweep: tuple[Folder, dict[str, Any]]) -> None:
    folder, _ = sweep
    with closing(sqlite3.connect(folder.path / "mlflow.db")) as db:
        for run in folder.runs("trial").values():
            query = "select count(*) from metrics where run_uuid = ? and key like 'test%'"
            assert db.execute(query, (run["run_id"],)).fetchone() == (0,)


def test_one_champion_is_registered_and_predicts(sweep: tuple[Folder, dict[str, Any]]) -> None:
    import mlflow
    from sklearn.datasets import load_wine

    folder, document = sweep
    client = mlflow.MlflowClient(f"sqlite:///{folder.path}/mlflow.db")
    versions = client.search_model_versions("name = 'small'")
    assert len(versions) == 1
    champion = client.get_model_version_by_alias("small", "champion")
    assert champion.version == versions[0].version
    with tracking_at(f"sqlite:///{folder.path}/mlflow.db"):
        model = mlflow.pyfunc.load_model("models:/small@champion")
    output = model.predict(load_wine(as_frame=True).data.head(5))
    assert list(output) == ["prediction", "class_0", "class_1", "class_2"]
    assert output.shape == (5, 4)
    assert document["verdict"]["winner"]["number"] == int(champion.tags["trial"])


def test_artifacts_of_the_sweep(sweep: tuple[Folder, dict[str, Any]]) -> None:
    import mlflow

    folder, document = sweep
    client = mlflow.MlflowClient(f"sqlite:///{folder.path}/mlflow.db")
    parent = document["tracking"]["parent_run_id"]
    splits = json.loads(Path(client.download_artifacts(parent, "splits.json")).read_text())
    indices = {name: set(rows) for name, rows in splits["indices"].items()}
    assert sum(map(len, indices.values())) == 178 == len(set.union(*indices.values()))
    assert "workload: mlp" in Path(client.download_artifacts(parent, "spec.yaml")).read_text()
    table = Path(client.download_artifacts(parent, "sweep/leaderboard.csv")).read_text().splitlines()
    assert len(table) == 13
    assert table[1].split(",")[0] == str(document["best_in_search"]["number"])
    named = [line.split(",")[0] for line in table[1:] if line.split(",")[2] == "champion"]
    assert named == [str(document["best"]["number"])] == [str(document["verdict"]["winner"]["number"])]
    split = json.loads(Path(client.download_artifacts(parent, "sweep/leaderboard.json")).read_text())
    assert split["columns"] == table[0].split(",")
    assert [str(row[0]) for row in split["data"]] == [line.split(",")[0] for line in table[1:]]


def test_checkpoints_that_nobody_needs_are_gone(sweep: tuple[Folder, dict[str, Any]]) -> None:
    folder, document = sweep
    left = list((folder.path / ".paceline" / document["sweep"] / "checkpoints").glob("*/*/weights.pt"))
    assert len(left) <= 2 + 2, "the search's best and the verdict's best stay"


REASONS = {
    "nan": ("diverged", "diverged"),
    "raise": ("raised", "ValueError: this configuration is poisoned: caf\\udce9.csv \\x00"),
    "kill": ("lane_died", "worker process died"),
}
"""What a poison comes to: the kind of failure, and what is said."""


def test_poisoned_trials_fail_with_their_reasons_and_the_sweep_goes_on(tmp_path: Path) -> None:
    folder = Here(tmp_path)
    folder.write(CHAOS.format(poison=", ".join(REASONS)))
    document = folder.document("run", "sweep.yaml", code=3)
    agree(folder, document, 9)
    for trial in document["trials"]:
        poison = trial["params"]["poison"]
        assert trial["state"] == ("done" if poison == "none" else "failed"), trial
        kind, said = REASONS.get(poison, (None, ""))
        assert (trial["failure"] or {"kind": None})["kind"] == kind
        assert said in (trial["error"] or "")
    shown = folder.paceline("show")
    assert all(said in shown.stdout for _, said in REASONS.values())
    assert shown.stdout.count("Traceback (most recent call last)") == 1, "grouped, whole, once"


def test_ray_s_memory_monitor_kills_a_hog_and_the_sweep_goes_on(tmp_path: Path) -> None:
    memory = psutil.virtual_memory()
    # Other tests run beside this one: what they take must not reach the threshold, and the hog must.
    threshold = (memory.total - memory.available + 0.7 * HOG_GIB * 2**30) / memory.total
    folder = Folder(tmp_path)
    folder.write(CHAOS.format(poison="hog").replace("[none, hog]", "[hog, none]").replace("[0.01, 0.02]", "[0.01]"))
    document = folder.document(
        "run",
        "sweep.yaml",
        "max_failures=0",
        "max_concurrent=1",
        code=3,
        RAY_memory_usage_threshold=f"{threshold:.3f}",
        RAY_memory_monitor_refresh_ms="500",  # a look before the killed one's memory is free would kill another
    )
    agree(folder, document, 3)
    assert "hog" in [trial["params"]["poison"] for trial in document["trials"]]
    for trial in document["trials"]:
        if trial["params"]["poison"] == "none":
            assert trial["state"] == "done", trial
        else:
            assert trial["state"] == "failed"
            assert trial["failure"]["kind"] == "out_of_memory"
