"""Sweeps over a network and a language model, fused and by FSDP on two workers: they end as if nothing had died."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests.helpers.commands import Folder
from tests.helpers.kill_processes import Life, survivors
from tests.helpers.reviews import rows
from tests.helpers.survival import unharmed
from tests.helpers.sweep_here import Here
from tests.helpers.sweep_in_this_process import outcome

pytestmark = [pytest.mark.slow, pytest.mark.soak, pytest.mark.timeout(1200)]

NUM_TRIALS = 3
SPEC = """
name: network
workload: tests.helpers.networks:Napping
data: {name: wine}
method: grid
metric: {name: val_loss, goal: minimize}
parameters:
  lr: {values: [0.003, 0.01, 0.03]}
  nap_s: 0.15
early_terminate: none
epochs: 9
max_concurrent: 1
max_retries: 20
final: {top: 1, seeds: 2}
"""
LANGUAGE = """
name: language
workload: language
data: {csv: reviews.csv, target: label, text: review}
method: grid
metric: {name: val_loss, goal: minimize}
parameters:
  model: none
  mode: full
  encoder_dropout: 0.0
  encoder_lr_ratio: 1.0
  activation_checkpointing: true
  lr: {values: [0.0003, 0.001, 0.003]}
early_terminate: none
epochs: 6
max_concurrent: 1
max_retries: 20
final: {top: 1, seeds: 2}
"""
FSDP = "resources: {workers: 2, strategy: fsdp}\n"
WAYS = {
    "fused": (SPEC + "cohort: 3\n", ("lane", "driver", "everything")),
    "fsdp": (SPEC + FSDP, ("worker", "lane", "driver")),
    "language by fsdp": (LANGUAGE + FSDP, ("worker", "lane", "driver")),
}
WORKER = "RayTrainWorker"


@pytest.mark.parametrize("way", WAYS)
def test_deaths_leave_trials_and_verdict_as_they_would_have_been(way: str, tmp_path: Path) -> None:
    folder, (spec, victims) = Here(tmp_path), WAYS[way]
    folder.write(spec)
    rows(2000).to_csv(tmp_path / "reviews.csv", index=False)
    lives = [Life.begin(folder, "run", "sweep.yaml", "--json")]
    for victim in victims:
        lives += [] if lives[-1].alive else [Life.begin(folder, "resume", "--json")]
        assert lives[-1].wait(partial(trains, lives[-1], way))
        time.sleep(2.0)  # some epochs
        print(kill(lives[-1], victim))
    if lives[-1].alive:
        print(lives[-1].kill("everything"))
    last = Folder(tmp_path).document("resume")
    unharmed(folder, last, NUM_TRIALS)
    (tmp_path / "scratch").mkdir()
    faster = ("parameters.nap_s=0",) if spec.startswith(SPEC) else ()
    expected = outcome(tmp_path / "sweep.yaml", tmp_path / "scratch", *faster)
    values = {track.trial: track.best_value for track in expected.trials}
    assert {trial["number"]: trial["best_value"] for trial in last["trials"]} == pytest.approx(values, rel=1e-3)
    for part in ("winner", "default", "difference"):
        assert last["verdict"][part]["mean"] == pytest.approx(expected.verdict[part]["mean"], rel=1e-3)
    assert survivors(lives) == []


def trains(life: Life, way: str) -> bool:
    return life.since != "starting" and bool(at_work(life, way))


def at_work(life: Life, way: str) -> list[int]:
    """Return the processes that train."""
    if "fsdp" not in way:
        return [process.pid for process in life.workers()]
    found = []
    for process in life.below():
        with suppress(psutil.NoSuchProcess):
            found += [process.pid] if WORKER in " ".join(process.cmdline()) else []
    return found


def kill(life: Life, victim: str) -> str:
    if victim != "worker":
        return life.kill(victim)
    pid = at_work(life, "fsdp")[-1]
    os.kill(pid, signal.SIGKILL)
    return f"worker {pid} fell"
