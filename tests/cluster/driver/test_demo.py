"""The demonstration end to end, as a user types it: another process, an empty folder, a pipe."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.helpers.own_modules import spoil
from tests.helpers.paths import ROOT

TRIALS = 6


COMMAND = [sys.executable, "-m", "cluster.cli"]


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    return {**kept, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def paceline(folder: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *argv], cwd=folder, env=environment(), capture_output=True, text=True, timeout=200
    )


def check_ui(folder: Path) -> None:
    """The UI is served, its links name the sweep, and no server outlives the command."""
    command = [*COMMAND, "ui", "--port", "0"]
    with subprocess.Popen(command, cwd=folder, env=environment(), stdout=subprocess.PIPE, text=True) as serving:
        assert serving.stdout is not None
        told = [serving.stdout.readline() for _ in range(4)]
        links = re.findall(r"^(?:leaderboard|charts) +(http://[\d.]+:\d+)/#\S+", "".join(told), re.MULTILINE)
        assert len(links) == 2, told
        with urllib.request.urlopen(f"{links[0]}/health", timeout=10) as answer:
            assert answer.status == 200
        serving.terminate()
        assert serving.wait(30) == 0
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{links[0]}/health", timeout=10)


@pytest.mark.slow
def test_the_demo_ends_with_leaderboard_verdict_and_link(tmp_path: Path) -> None:
    spoil(tmp_path)
    done = paceline(tmp_path, "demo", "--trials", str(TRIALS))
    assert done.returncode == 0, done.stderr
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", done.stdout)
    ended = re.findall(r"^t\d{3} (?:done|pruned|failed) \d/9 epochs", done.stdout, re.MULTILINE)
    assert len(ended) == TRIALS
    for part in (
        "final evaluation: test_accuracy on the test split",
        "champion",
        "defaults",
        "paceline ui",
        "paceline init mlp",
    ):
        assert part in done.stdout
    assert done.stderr == ""

    document = json.loads(paceline(tmp_path, "show", "--json").stdout)
    assert document["state"] == "finished"
    assert len(document["trials"]) == TRIALS
    assert all(trial["run_id"] for trial in document["trials"])
    assert document["verdict"]["winner"]["mean"] > 0.5
    assert document["tracking"]["url"]
    assert (tmp_path / "mlflow.db").exists()
    check_ui(tmp_path)
