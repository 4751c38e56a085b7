"""The demonstration end to end, as a user types it: another process, an empty folder, a pipe."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TRIALS = 6


def paceline(folder: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    environment.pop("MLFLOW_TRACKING_URI", None)
    command = [sys.executable, "-m", "cluster.cli", *argv]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=200)


@pytest.mark.slow
def test_the_demo_ends_with_leaderboard_verdict_and_link(tmp_path: Path) -> None:
    done = paceline(tmp_path, "demo", "--trials", str(TRIALS))
    assert done.returncode == 0, done.stderr
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", done.stdout)
    ended = re.findall(r"^t\d{3} (?:done|stopped|failed) \d/9 epochs", done.stdout, re.MULTILINE)
    assert len(ended) == TRIALS
    for part in ("verdict: test_acc on the test split", "winner", "default", "paceline ui", "paceline init mlp"):
        assert part in done.stdout
    assert done.stderr == ""

    document = json.loads(paceline(tmp_path, "show", "--json").stdout)
    assert document["state"] == "finished"
    assert len(document["trials"]) == TRIALS
    assert all(trial["run_id"] for trial in document["trials"])
    assert document["verdict"]["winner"]["mean"] > 0.5
    assert document["tracking"]["url"]
    assert (tmp_path / "mlflow.db").exists()
