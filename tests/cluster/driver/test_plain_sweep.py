"""Whole sweeps with PACELINE_PLAIN: what they come to is what the fast ways come to, and the run says so."""

from __future__ import annotations

import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from search_spaces.types.plain import MEANING, VARIABLE
from tests.helpers.commands import Folder, agree
from tests.helpers.own_modules import spoil
from tests.helpers.sweep_here import Here
from tests.helpers.waiting import wait_until

pytestmark = pytest.mark.slow

SPEC = """
name: ways
workload: mlp
data: {name: wine}
epochs: 4
trials: 6
cohort: 3
method: random
max_concurrent: 1
parameters:
  lr: {min: 1e-3, max: 3e-2, log: true}
  dropout: {min: 0.0, max: 0.5}
final: {top: 1, seeds: 2}
"""


@pytest.mark.soak  # in the short form the loops are compared, member by member: tests/workloads/training
def test_a_plain_sweep_finds_what_a_fast_one_finds(tmp_path: Path) -> None:
    """Search, final evaluation and champion; the plain one is killed in its search and resumed."""
    fast, slow = Here(tmp_path / "fast"), Folder(tmp_path / "plain")
    for folder in (fast, slow):
        folder.path.mkdir()
        folder.write(SPEC)
        spoil(folder.path)
    expected = fast.document("run", "sweep.yaml")
    process = slow.start("run", "sweep.yaml", "--json", **{VARIABLE: "1"})
    wait_until(lambda: _num_points(slow) > 0, "an epoch is in MLflow")
    process.send_signal(signal.SIGKILL)
    _, told = process.communicate()
    assert told.count(MEANING) == 1
    found = slow.document("resume", **{VARIABLE: "1"})
    agree(slow, found, 6)
    for one, other in zip(found["trials"], expected["trials"], strict=True):
        assert (one["params"], one["state"], one["epochs"]) == (other["params"], other["state"], other["epochs"])
        assert one["best_value"] == pytest.approx(other["best_value"], abs=1e-4)
    assert found["verdict"]["winner"]["mean"] == pytest.approx(expected["verdict"]["winner"]["mean"], abs=1e-4)
    assert slow.champions("ways") == [found["sweep"]]
    assert slow.open_to_others() == [], "a sweep's files are for its user alone"


def _num_points(folder: Folder) -> int:
    time.sleep(0.2)
    if not (folder.path / "mlflow.db").exists():
        return 0
    with closing(sqlite3.connect(folder.path / "mlflow.db")) as db:
        try:
            return int(db.execute("select count(*) from metrics where key = 'val_loss'").fetchone()[0])
        except sqlite3.OperationalError:
            return 0
