"""A sweep over a script in which two workers train each trial: one rank each, on Ray Train."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import psutil
import pytest

from tests.helpers.commands import agree
from tests.helpers.sweep_here import Here

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SCRIPT = """
import os, sys, time
lr, rank = float(sys.argv[1].partition("=")[2]), int(os.environ["RANK"])
assert os.environ["WORLD_SIZE"] == os.environ["LOCAL_WORLD_SIZE"] == "2", "both are on this machine"
for epoch in range(1, 4):
    print(f"epoch={epoch} val_acc={lr * epoch if rank == 0 else 100}", flush=True)
    if lr == 0.3 and rank == 1:
        print("the rows of rank 1 are bad", flush=True)
        sys.exit(3)
    time.sleep(0.4)
"""
SPEC = """
program: train.py
command: ["${interpreter}", -S, "${program}", "${args}"]
method: grid
metric: {name: val_acc, goal: maximize}
parameters: {lr: {values: [0.1, 0.3, 0.2, 0.05]}}
epochs: 3
early_terminate: {min_iter: 1, eta: 3}
max_concurrent: 1
max_retries: 0
resources: {workers: 2, cpus: 0.5}
tracking: {uri: "sqlite:///mlflow.db"}
"""


def scripts(folder: Path) -> list[int]:
    named = [one for one in psutil.process_iter(["cmdline", "cwd"]) if one.info["cwd"] == str(folder)]
    return [one.pid for one in named if "train.py" in (one.info["cmdline"] or ())]


def test_the_first_rank_decides_and_one_that_fails_ends_all(tmp_path: Path) -> None:
    folder = Here(tmp_path)
    folder.write(SPEC)
    folder.write(dedent(SCRIPT), "train.py")
    done = folder.paceline("run", "sweep.yaml")
    assert done.stdout.count("2 workers") == 1, "one group of workers trains all, also behind a failure"
    document = folder.document("show")
    trials = {trial["params"]["lr"]: trial for trial in document["trials"]}
    assert {lr: trial["state"] for lr, trial in trials.items()} == {
        **{0.1: "done", 0.2: "done"},
        **{0.3: "failed", 0.05: "stopped"},
    }
    assert {lr: trial["best_value"] for lr, trial in trials.items() if lr != 0.3} == pytest.approx(
        {0.1: 0.3, 0.2: 0.6, 0.05: 0.05}
    )
    failure = trials[0.3]["failure"]
    assert "rank 1 of train.py ended with exit code 3: the rows of rank 1 are bad" in str(failure)
    assert failure["output"].splitlines() == ["epoch=1 val_acc=100", "the rows of rank 1 are bad"]
    logs = folder.paceline("logs", document["sweep"], "t000").stdout
    assert "\nepoch=3 val_acc=0.3" in logs and "rank 1 | epoch=3 val_acc=100" in logs
    agree(folder, document, 4)
    assert not scripts(tmp_path)
