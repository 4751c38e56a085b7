"""Sweeps that begin at the same moment in one new folder, on a machine too small for that many."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.helpers.commands import Folder

SPEC = """
name: many
workload: softmax
data: {name: wine}
trials: 2
epochs: 1
final: none
"""
NUM_SWEEPS = 8


@pytest.mark.soak
def test_each_of_eight_sweeps_ends_well(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write(SPEC)
    running = [folder.start("run", "sweep.yaml", "--no-cache", "--json") for _ in range(NUM_SWEEPS)]
    ended = [(*process.communicate(timeout=900), process.returncode) for process in running]
    assert [code for *_, code in ended] == [0] * NUM_SWEEPS, [err[-2000:] for _, err, _ in ended]
    sweeps = {json.loads(out)["sweep"] for out, *_ in ended}
    runs = folder.runs("sweep").values()
    assert len(sweeps) == NUM_SWEEPS and {run["sweep.id"] for run in runs} == sweeps
    assert {run["status"] for run in runs} == {"FINISHED"}
