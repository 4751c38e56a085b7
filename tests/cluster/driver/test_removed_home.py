"""A sweep whose folder is removed while it runs: told once, its runs are ended in MLflow, and nothing is left."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

import pytest

from cluster.driver.driver import Driver
from cluster.driver.gone import end_runs, gone
from cluster.sweep.stop import Stop
from cluster.sweep.tracker import Tracker
from cluster.terminal.views import QuietView
from search_spaces.types.driver_errors import Gone
from tests.cluster.driver.test_repair import driven
from tests.helpers.commands import Folder
from tests.helpers.finished_sweep_without_ray import CARD
from tests.helpers.orphans import orphans
from tests.helpers.waiting import wait_until
from tracking.results.table import sweep_runs

SPEC = """
workload: cnn
data: {name: digits}
epochs: 243
trials: 30
max_concurrent: 1
parameters: {lr: {min: 1e-4, max: 1e-1, log: true}}
"""


@pytest.mark.parametrize("what", ["folder", "journal"])
def test_its_runs_are_ended_in_mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.chdir(tmp_path)
    home = driven(most_legs=2, phase="search")
    driver = Driver(home, home.sweep(), QuietView(sys.stderr), Stop(home.stop_mark))
    tracker = Tracker(home, driver.sweep, driver._study, driver.observer, CARD)
    coordinator = driver._coordinator(tracker)
    coordinator.commit()
    assert "RUNNING" in {run.status for run in sweep_runs(None, home.id)}
    if what == "folder":
        shutil.rmtree(home.path.parent)
        (home.path / "checkpoints").mkdir(parents=True)  # as a lane does
    else:
        home.journal.unlink()
    driver._study.set("phase", "search")
    with pytest.raises(Gone, match="was removed while the sweep was running") as raised:
        coordinator.commit()
    end_runs(home, driver._study, tracker)
    runs = sweep_runs(None, home.id)
    assert {run.status for run in runs if not run.key} == {"KILLED"}
    assert "RUNNING" not in {run.status for run in runs} and len(runs) > 1
    told = str(gone(home, raised.value))
    assert ("cannot be resumed" if what == "folder" else f"`paceline resume {home.id}` continues it") in told
    assert home.path.exists() == home.path.parent.exists() == (what == "journal")


@pytest.mark.soak
@pytest.mark.slow
def test_a_running_sweep_ends_with_a_sentence(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write(SPEC)
    driver = folder.start("run", "sweep.yaml")
    wait_until(lambda: list(tmp_path.glob(".paceline/*/checkpoints/*/*")), "a trial has a checkpoint", 120)
    shutil.rmtree(tmp_path / ".paceline")
    out, err = driver.communicate(timeout=60)
    assert driver.returncode == 1 and "Traceback" not in err
    assert (out + err).count("was removed while the sweep was running: it ends here and cannot be resumed") == 1
    assert not [run for run in folder.runs("trial").values() if run["status"] == "RUNNING"]
    assert not orphans("none", tmp_path, time.monotonic())
    assert not (tmp_path / ".paceline").exists()
