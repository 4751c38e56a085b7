"""Numbers of one sweep, stopped and resumed, with pruned, failed and diverged trials, are equal everywhere.

Terminal, ``--json``, MLflow, the leaderboard's file, the DataFrame and the report are read as users read them.
"""

from __future__ import annotations

import csv
import io
import json
import re
import signal
import time
from collections.abc import Iterator
from contextlib import chdir, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import paceline
from cluster.cli.main import main
from cluster.report import history
from cluster.report.records import Records
from cluster.report.running import rungs
from cluster.sweep.home import SweepHome
from cluster.sweep.reading import Reading
from cluster.terminal.formatting import measure
from search_spaces.types.trial_names import trial_name
from tests.chaos.without_ray import Command
from tests.helpers.commands import clean_environment
from tests.helpers.paths import ROOT
from tracking import names

SPEC = """
name: numbers
workload: mine:train
epochs: 9
trials: 16
seed: 2
method: random
early_terminate: {type: asha, min_iter: 2, eta: 3}
metric: {name: val_accuracy, goal: maximize}
max_retries: 0
max_failed_trials: 16
final: none
parameters:
  lr: {min: 0.0, max: 1.0}
  what: {values: [good, fair, raises, diverges, never]}
"""
CODE = '''
import time


def train(run, *, lr=0.5, what="good"):
    """Report a value that rises towards 1 - lr."""
    for epoch in range(run.epoch, run.num_epochs):
        time.sleep(0.02)
        value = (1 - lr) * (1 - 0.7 ** (epoch + 1))
        if what == "raises" and epoch == 1:
            raise ValueError(f"lr {lr:.3f} is not liked")
        if what == "never" or (what == "diverges" and epoch == 1):
            value = float("nan")
        run.report(lambda folder: (folder / "saved").write_text(str(epoch)), val_accuracy=value)
'''


@dataclass(frozen=True)
class Sweep:
    """The sweep's folder, its ID, its document, and what the terminal shows of it."""

    folder: Path
    id: str
    document: dict[str, Any]
    shown: str

    @property
    def trials(self) -> dict[int, dict[str, Any]]:
        """The document's trials by number."""
        return {one["number"]: one for one in self.document["trials"]}


def ended(folder: Path, *words: str, stop_after: int | None = None) -> int:
    """Run a command to its end, and return its code; stopped as by Ctrl-C once so many trials have ended."""
    environment = {**clean_environment(), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = Command.begun(words, folder, environment, folder / "out")
    stopped, deadline = False, time.monotonic() + 120
    while (code := command.poll()) is None:
        assert time.monotonic() < deadline, (folder / "out").read_text()
        if stop_after is not None and not stopped:
            homes = SweepHome.all(folder / ".paceline")
            over = (
                sum(row.state in ("done", "stopped", "failed") for row in Reading.of(homes[0]).rows) if homes else 0
            )
            if over >= stop_after:
                command.send_signal(signal.SIGINT)
                stopped = True
        time.sleep(0.05)
    return code


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sweep]:
    folder = tmp_path_factory.mktemp("numbers")
    (folder / "sweep.yaml").write_text(SPEC)
    (folder / "mine.py").write_text(CODE)
    assert ended(folder, "run", "sweep.yaml", stop_after=3) == 130, (folder / "out").read_text()
    (home,) = SweepHome.all(folder / ".paceline")
    assert ended(folder, "resume", home.id) == 0, (folder / "out").read_text()
    with chdir(folder), pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "250")
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        document = json.loads(said("show", home.id, "--json"))
        yield Sweep(folder, home.id, document, said("show", home.id, "--top", "50"))


def said(*words: str) -> str:
    with redirect_stdout(io.StringIO()) as out:
        assert main(words) == 0
    return out.getvalue()


def test_the_sweep_has_trials_of_every_end_and_was_resumed(sweep: Sweep) -> None:
    states = {one["state"] for one in sweep.trials.values()}
    assert states == {"done", "stopped", "failed"}
    kinds = {(one["failure"] or {}).get("kind") for one in sweep.trials.values() if one["state"] == "failed"}
    assert kinds == {"raised", "diverged"}
    assert len(sweep.trials) == 16


def test_the_terminal_shows_the_document_s_numbers(sweep: Sweep) -> None:
    print(sweep.shown)
    for number, one in sweep.trials.items():
        (line,) = [line for line in sweep.shown.splitlines() if re.match(rf"\W*{trial_name(number)}\b.*/9", line)]
        assert f" {one['epochs']}/9 " in line and one["status"] in line, line
        assert f" {measure(one['value'])} " in line and f" {measure(one['best_value'])} " in line, line
    cost = sweep.document["cost"]
    whole = cost["epochs_trained"] + cost["epochs_saved"]
    share = round(100 * cost["epochs_saved"] / whole)
    assert (
        f"{cost['epochs_trained']} of {whole} search epochs trained (early stopping saved {share} %)" in sweep.shown
    )


def test_mlflow_s_runs_have_the_document_s_numbers(sweep: Sweep) -> None:
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{sweep.folder}/mlflow.db")
    found = mlflow.search_runs(search_all_experiments=True, filter_string=f"tags.`sweep.id` = '{sweep.id}'")
    runs = found.set_index("run_id")
    metric = "val_accuracy"
    for number, one in sweep.trials.items():
        run = runs.loc[one["run_id"]]
        assert run["tags.trial.name"] == trial_name(number)
        assert run["tags.trial.state"] == one["status"]
        same(run[f"metrics.{names.best(metric)}"], in_mlflow(one["best_value"]))
        client = mlflow.MlflowClient()
        points = {p.step: p.value for p in client.get_metric_history(one["run_id"], metric)}
        assert sorted(points) == list(range(1, one["epochs"] + 1)), (number, one, points)
        same(points.get(one["epochs"]), in_mlflow(one["value"]))
        error = run.get("tags.trial.error")
        assert last_line(error) == one["error"]
    (own,) = (run for _, run in found[found["tags.sweep.role"] == "sweep"].iterrows())
    cost = sweep.document["cost"]
    assert own["metrics.sweep/epochs_trained"] == cost["epochs_trained"]
    assert own["metrics.sweep/epochs_saved"] == cost["epochs_saved"]
    assert own["metrics.sweep/trials"] == len(sweep.trials)
    same(own[f"metrics.{names.best(metric)}"], in_mlflow(sweep.document["best"]["value"]))


def test_the_data_frame_has_the_document_s_numbers(sweep: Sweep) -> None:
    result = paceline.load(sweep.id)
    table = result.trials.set_index("trial")
    assert list(table.index) == sorted(sweep.trials)
    for number, one in sweep.trials.items():
        row = table.loc[number]
        epochs = 0 if pd.isna(row["epochs"]) else row["epochs"]
        assert (row["state"], epochs, row["run_id"]) == (one["status"], one["epochs"], one["run_id"])
        same(row["val_accuracy"], one["value"])
        same(row["best_val_accuracy"], one["best_value"])
        assert row["lr"] == one["params"]["lr"] and row["what"] == one["params"]["what"]
        assert last_line(row["error"]) == one["error"]
    curves = result.history
    curves = curves[curves["metric"] == "val_accuracy"]
    assert {int(n): int(k) for n, k in curves.groupby("trial")["epoch"].max().items()} == {
        number: one["epochs"] for number, one in sweep.trials.items() if one["epochs"]
    }
    for (number,), own in curves.groupby(["trial"]):
        assert max(own["value"]) == sweep.trials[number]["best_value"]
    assert result.best is not None and result.best.value == sweep.document["best"]["value"]


def test_the_leaderboard_s_file_has_the_document_s_numbers(sweep: Sweep) -> None:
    (file,) = sweep.folder.rglob("leaderboard.csv")
    rows = {int(row["trial"]): row for row in csv.DictReader(file.open())}
    assert rows.keys() == sweep.trials.keys()
    for number, one in sweep.trials.items():
        row = rows[number]
        assert (row["state"], int(row["epochs"])) == (one["status"], one["epochs"])
        same(row["val_accuracy"] or None, one["value"])
        same(row["best_val_accuracy"] or None, one["best_value"])
        assert row["error"] == (one["error"] or "")


def test_the_report_draws_the_document_s_numbers(sweep: Sweep) -> None:
    records = Records(Reading.of(SweepHome.find(sweep.id)))
    drawn, funnel = history.section(records), rungs.section(records)
    assert drawn is not None and funnel is not None
    dots = [trace for trace in drawn.figures[0].data if trace.mode == "markers"]
    points = {(int(x), y) for trace in dots for x, y in zip(trace.x, trace.y, strict=True)}
    measured = {number: one for number, one in sweep.trials.items() if one["epochs"]}
    assert points == {(number, one["best_value"]) for number, one in measured.items()}
    assert len(measured) < len(sweep.trials)
    assert str(sweep.document["cost"]["epochs_trained"]) in funnel.says


def last_line(error: Any) -> str | None:
    """Return the line of an error that the document has; None without one."""
    return None if pd.isna(error) else str(error).strip().splitlines()[-1]


def in_mlflow(value: float | None) -> float | None:
    """Return a number with the digits that MLflow gets."""
    return None if value is None else names.clean_metric(value)


def same(found: Any, wanted: float | None) -> None:
    """Check that two stores have one number, or both none."""
    assert (None if pd.isna(found) else float(found)) == wanted
