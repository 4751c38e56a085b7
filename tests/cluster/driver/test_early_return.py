"""A sweep of a function that returns on a plateau: nothing fails, all is judged, and nothing is trained again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.sweep_here import Here

pytestmark = pytest.mark.slow

FUNCTION = """
import json


def train(run, *, last: int = 2):
    best, stale = json.loads((run.folder / "own").read_text()) if run.folder else (0.0, 0)
    for epoch in range(run.epoch, run.num_epochs):
        if stale == 2:  # at once where it stood at a pause
            break
        value = (1 - last / 10) * min(epoch + 1, last) / last  # rises until epoch ``last``
        best, stale = max(best, value), 0 if value > best else stale + 1
        run.report(lambda folder: (folder / "own").write_text(json.dumps([best, stale])), val_accuracy=value)
    with open("calls", "a") as file:
        print(run.purpose, run.trial, run.epoch, file=file)


def test(folder, **hyperparameters):
    return json.loads((folder / "own").read_text())[0]
"""
SPEC = """
workload: early:train
metric: {name: val_accuracy, goal: maximize}
parameters: {last: {values: [1, 2, 5]}}
method: grid
trials: 3
epochs: 9
early_terminate: {type: asha, min_iter: 3, eta: 2}
final: {top: 1, seeds: 2}
"""


@pytest.mark.soak  # in the short form without a sweep: tests/workloads/models/test_returning.py
def test_a_function_that_returns_on_a_plateau_is_done_there(tmp_path: Path) -> None:
    """The best one has its plateau where it is paused, and returns at once when it is promoted."""
    here = Here(tmp_path)
    here.write(SPEC)
    (tmp_path / "early.py").write_text(FUNCTION)
    found = here.document("run", "sweep.yaml")
    trials = {trial["params"]["last"]: trial for trial in found["trials"]}
    assert (found["state"], trials[1]["state"], trials[1]["epochs"]) == ("finished", "done", 3)
    assert {trial["state"] for trial in trials.values()} <= {"done", "stopped"}
    assert trials[1]["best_value"] == pytest.approx(0.9)
    verdict = found["verdict"]
    number = trials[1]["number"]
    assert verdict["winner"]["number"] == number and verdict["winner"]["mean"] == pytest.approx(0.9)
    calls = (tmp_path / "calls").read_text()
    assert calls.count(f"final {number} 3") == 2 and calls.count(f"search {number} 3") == 1
    here.paceline("resume")
    assert (tmp_path / "calls").read_text() == calls
