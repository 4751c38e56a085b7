"""A sweep over a script in which two workers train each trial: one rank each, on Ray Train."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import psutil
import pytest

from tests.helpers.commands import Folder, agree
from tests.helpers.ray_cluster import RayCluster, Submitter
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


APART = """
import json, os, pathlib, sys, time
import torch, torch.distributed as dist

dist.init_process_group("gloo")
lr, rank = float(sys.argv[1].partition("=")[2]), dist.get_rank()
file = pathlib.Path(os.environ["PACELINE_CHECKPOINT"], "epoch")
begin = int(file.read_text()) if file.exists() else 0
begins = [None, None]
dist.all_gather_object(begins, (begin, str(file)))
if rank == 0:
    print("begins", json.dumps(begins), flush=True)
for epoch in range(begin + 1, 10):
    total = torch.tensor([lr * epoch])
    dist.all_reduce(total)
    time.sleep(0.3)
    if rank == 0:
        file.with_suffix(".new").write_text(str(epoch))
        file.with_suffix(".new").replace(file)
        print(f"epoch={epoch} val_acc={total.item() / 2}", flush=True)
dist.destroy_process_group()
"""


@pytest.mark.soak
def test_two_machines_train_a_script_each_with_a_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second machine does not see the first one's temporary folder."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    cluster = RayCluster(tmp_path, cpus=1)
    user = Submitter(tmp_path, cluster)
    user.write(dedent(APART), "train.py")
    text = SPEC.replace('command: ["${interpreter}", -S, "${program}", "${args}"]\n', "checkpoint: true\n")
    text = text.replace("epochs: 3", "epochs: 9").replace("cpus: 0.5", "cpus: 1").replace("0.3,", "0.4,")
    user.write("\n".join(line for line in text.splitlines() if not line.startswith("tracking")))
    try:
        cluster.start(alone=True)
        cluster.add_node(blind_to=temporary)
        cluster.await_nodes(2)
        sweep_id = user.submitted()
        user.on_cluster("wait", sweep_id)
    finally:
        cluster.remove()
    document = Folder(tmp_path).document("show", sweep_id, **cluster.environment)
    assert {trial["state"] for trial in document["trials"]} <= {"done", "stopped"}, document["trials"]
    for trial in document["trials"]:
        assert trial["best_value"] == pytest.approx(trial["params"]["lr"] * trial["epochs"], rel=1e-5)
    lines = [line for path in tmp_path.glob(".paceline/*/logs/t*.log") for line in path.read_text().splitlines()]
    begins = [json.loads(line.removeprefix("begins ")) for line in lines if line.startswith("begins ")]
    assert any(first[0] > 0 for first, _ in begins), "what was saved is used"
    for first, second in begins:
        assert first[0] == second[0] and first[1] != second[1], "in a folder of its own, each goes on from the same"
