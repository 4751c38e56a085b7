"""A user's function on two workers, and deaths of a worker, the lane, the driver and everything."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.helpers.commands import agree
from tests.helpers.function_on_ranks import LEDGER
from tests.helpers.kill_processes import Life, survivors
from tests.helpers.sweep_here import Here
from tests.helpers.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.soak, pytest.mark.timeout(1200)]

NUM_TRIALS, NUM_EPOCHS = 3, 24
SPEC = f"""
name: ranks
workload: tests.helpers.function_on_ranks:train
metric: {{name: val_accuracy, goal: maximize}}
epochs: {NUM_EPOCHS}
trials: {NUM_TRIALS}
early_terminate: none
final: none
max_concurrent: 1
max_retries: 20
parameters: {{lr: {{min: 1e-3, max: 3e-2, log: true}}, nap_s: 0.3}}
resources: {{workers: 2}}
"""


def test_deaths_cost_what_came_after_the_last_checkpoint(tmp_path: Path) -> None:
    folder = Here(tmp_path)
    folder.write(SPEC)

    def ledger(what: str) -> list[dict[str, Any]]:
        path = tmp_path / LEDGER
        lines = path.read_text().splitlines() if path.exists() else []
        return [line for line in map(json.loads, lines) if line["what"] == what]

    def goes_on(life: Life) -> Callable[[], bool]:
        """Whether six more epochs are trained, so that one was saved."""
        before = len(ledger("trained"))
        return lambda: len(ledger("trained")) >= before + 12

    lives = [Life.begin(folder, "run", "sweep.yaml", "--json")]
    assert lives[-1].wait(goes_on(lives[-1]))
    worker = ledger("trained")[-1]["pid"]
    os.kill(worker, signal.SIGKILL)
    for victim in ("lane", "driver", "everything"):
        lives += [] if lives[-1].alive else [Life.begin(folder, "resume", "--json")]
        assert lives[-1].wait(goes_on(lives[-1]))
        print(lives[-1].kill(victim))
    lives.append(Life.begin(folder, "resume", "--json"))
    out, err = lives[-1].driver.communicate(timeout=600)
    assert lives[-1].driver.returncode == 0, err[-4000:]
    document = json.loads(out)
    agree(folder, document, NUM_TRIALS)
    for trial in document["trials"]:
        assert trial["state"] == "done"
        assert trial["value"] == pytest.approx(trial["params"]["lr"] * 3 * NUM_EPOCHS, rel=1e-5), "all epochs count"
    begun = ledger("begun")
    again = [line["epoch"] for line in begun if line["rank"] == 0]
    print("begun at", again)
    assert len(again) >= NUM_TRIALS + 4
    assert sum(epoch > 0 for epoch in again) >= 3, "what was saved is used"
    extra = len(ledger("trained")) - 2 * NUM_TRIALS * NUM_EPOCHS
    assert extra <= 4 * 2 * NUM_EPOCHS // 2
    assert survivors(lives) == []
    pids = {line["pid"] for line in begun}
    wait_until(lambda: not any(psutil.pid_exists(pid) for pid in pids), "the workers end")
