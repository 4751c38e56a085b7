"""A real sweep that is steered from another process while it runs, stopped and resumed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.commands import Folder
from tests.helpers.waiting import wait_until

SPEC = """
workload: mlp
name: long
data: {name: digits}
trials: 6
epochs: 20000
early_terminate: none
train_together: 1
max_concurrent: 2
parameters: {lr: {min: 1e-4, max: 1e-1, log: true}}
final: none
"""


@pytest.mark.soak
def test_what_is_asked_holds_within_a_leg_and_after_a_resume(tmp_path: Path) -> None:
    user = Folder(tmp_path)
    user.write(SPEC)

    def trials() -> list[dict[str, Any]]:
        done = user.paceline("show", "--json")
        return list(user.document("show")["trials"]) if done.returncode == 0 else []

    def becomes(number: int, fits: Callable[[dict[str, Any]], bool]) -> None:
        wait_until(lambda: len(trials()) > number and fits(trials()[number]), f"trial {number} is so")

    driver = user.start("run", "sweep.yaml", "--no-live")
    becomes(1, lambda trial: trial["epochs"] > 0)
    assert "t000 is paused" in user.paceline("pause", "last", "t0").stdout
    becomes(0, lambda trial: trial["state"] == "paused")
    becomes(2, lambda trial: trial["epochs"] > 0)
    assert "t001 is stopped" in user.paceline("stop", "last", "t1").stdout
    becomes(1, lambda trial: trial["state"] == "stopped" and "it was stopped by" in trial["failure"]["text"])
    assert "1 worker from now on" in user.paceline("lanes", "last", "1").stdout
    wait_until(lambda: sum(one["state"] == "running" for one in trials()) == 1, "one trial trains")
    assert user.paceline("stop").returncode == 0
    driver.communicate(timeout=60)

    assert "takes it up" in user.paceline("boost", "last", "t0").stdout
    again = user.start("resume", "--no-live")
    becomes(0, lambda trial: trial["state"] == "running" and len(trial["steered"]) == 2)
    assert sum(one["state"] == "running" for one in trials()) == 1, "still one worker"
    assert user.paceline("stop", "--now").returncode == 0
    again.communicate(timeout=60)
