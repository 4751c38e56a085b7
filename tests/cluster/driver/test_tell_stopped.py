"""A sweep whose driver is killed: every place calls it stopped."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cluster.cli.main import main
from cluster.sweep.home import SweepHome
from tests.helpers.commands import Folder
from tests.helpers.finished_sweep_without_ray import raced, tracked
from tests.helpers.paths import ROOT

DRIVER = """
import time
from cluster.sweep.home import SweepHome
with SweepHome.find().driven():
    print(flush=True)
    time.sleep(60)
"""


def begun(uri: str) -> SweepHome:
    """A sweep in the midst of its search, and of a final evaluation, as its driver has told MLflow of it."""
    home = raced(f"tracking.uri={uri}", most_legs=4, phase="search")
    tracker = tracked(home)
    tracker.writer.trial("t0000-s1", 0, "final", {})
    assert tracker.close(30)
    return home


@contextmanager
def driving() -> Iterator[None]:
    environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
    with subprocess.Popen([sys.executable, "-c", DRIVER], stdout=subprocess.PIPE, env=environment) as driver:
        assert driver.stdout is not None
        driver.stdout.readline()
        yield
        driver.kill()


@pytest.mark.parametrize("killed_by", ["stop --now", "somebody else"])
def test_a_killed_sweep_is_stopped_in_every_place(
    killed_by: str,
    sqlite_uri: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", sqlite_uri)
    home, folder = begun(sqlite_uri), Folder(tmp_path)
    assert folder.runs("sweep")[home.id]["status"] == "RUNNING"
    if killed_by == "stop --now":
        with driving():
            assert main(["stop", "--now"]) == 0
    else:
        assert main(["stop"]) == 0
    capsys.readouterr()

    def told(*words: str) -> str:
        assert main(list(words)) == 0
        return capsys.readouterr().out

    shown, status = json.loads(told("show", "--json")), json.loads(told("status", "--json"))
    [listed] = json.loads(told("ls", "--json"))
    run = folder.runs("sweep")[home.id]
    states = [shown["state"], shown["status"], status["state"], listed["state"], run["sweep.state"]]
    assert states == ["stopped"] * 5 and run["status"] == "KILLED"
    assert " stopped: " in told("show") and " stopped " in told("ls") and " stopped " in told("status")
    words = {f"t{trial['number']:04d}": trial["status"] for trial in shown["trials"]} | {"t0000-s1": "waiting"}
    runs = folder.runs("trial") | folder.runs("final")
    assert {key: member["trial.state"] for key, member in runs.items()} == words
    assert {"waiting", "done", "failed"} & set(words.values()) and not {"RUNNING"} & {
        r["status"] for r in runs.values()
    }
    assert main(["stop"]) == 1, "it is told once"
