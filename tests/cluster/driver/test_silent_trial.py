"""A function that sleeps for ever after its first epoch: the sweep ends by itself, and says which trial it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.sweep_here import Here

pytestmark = pytest.mark.slow

SPEC = """
workload: tests.helpers.silent_function:train
data: {{name: wine}}
parameters: {{lr: {{min: 0.1, max: 0.2}}}}
trials: 1
epochs: 3
final: none
{limit}
"""


@pytest.mark.parametrize(
    "limit", [pytest.param("timeout: 3s\ngrace: 1s", marks=pytest.mark.soak), "trial_timeout: 1s"]
)
def test_a_sweep_ends_although_a_trial_never_reports_again(tmp_path: Path, limit: str) -> None:
    folder = Here(tmp_path)
    folder.write(SPEC.format(limit=limit))
    done = folder.paceline("run", "sweep.yaml", timeout_s=120)
    said = done.stdout + done.stderr
    began = [run for run in folder.runs("trial").values() if folder.steps(run["run_id"], "val_accuracy")]
    if limit.startswith("timeout"):
        assert "the timeout of 3 s has passed; the search ends here" in said
        # A busy machine may take longer than the timeout to start a worker, and then nothing hangs.
        assert not began or "within the grace of 1 s: its worker is ended" in said
    else:
        assert "t000 timed out: " in said
        assert [run["status"] for run in folder.runs("trial").values()] in ([], ["FAILED"])
    assert not any(run["status"] == "RUNNING" for run in began)
    assert done.returncode == 1, said
