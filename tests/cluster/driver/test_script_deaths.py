"""Sweeps over scripts that are killed and resumed: nothing is lost, doubled or left running."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from textwrap import dedent

import psutil
import pytest

from tests.helpers.commands import Folder, agree
from tests.helpers.kill_processes import Life, journal_of, records, survivors
from tests.helpers.survival import REPORTED

pytestmark = pytest.mark.soak  # each starts Ray several times

SCRIPT = """
import argparse, json, os, pathlib, time

given = argparse.ArgumentParser()
given.add_argument("--lr", type=float)
lr = given.parse_args().lr
state = {"epoch": 0, "starts": 0}
file = None
if "PACELINE_CHECKPOINT" in os.environ:
    file = pathlib.Path(os.environ["PACELINE_CHECKPOINT"], "state.json")
    state = json.loads(file.read_text()) if file.exists() else state
state["starts"] += 1
if state["starts"] > 1:
    with open("resumed", "a") as noted:
        print(state["epoch"], file=noted)
for epoch in range(state["epoch"], 9):
    time.sleep(0.3)
    state["epoch"] = epoch + 1
    if file:
        file.with_suffix(".new").write_text(json.dumps(state))
        file.with_suffix(".new").replace(file)
    print(f"epoch={epoch} val_acc={lr * (1 - 0.5 ** (epoch + 1))}", flush=True)
"""
SPEC = """
name: scripts
program: train.py
method: random
metric: {name: val_acc, goal: maximize}
parameters:
  lr: {min: 0.1, max: 1}
epochs: 9
trials: 24
early_terminate: {min_iter: 1, eta: 3}
max_concurrent: 2
max_retries: 20
tracking: {uri: "sqlite:///mlflow.db"}
"""


def scripts(folder: Folder) -> list[int]:
    """Return the numbers of all processes that run a script of the folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd", "status"]):
        runs = "train.py" in (process.info["cmdline"] or ()) and process.info["cwd"] == str(folder.path)
        if runs and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process.pid)
    return found


def orphans(folder: Folder) -> list[int]:
    """Return the numbers of the scripts that no lane has."""
    found = []
    for number in scripts(folder):
        with suppress(psutil.Error):
            parent = psutil.Process(number).parent()
            if parent is None or not " ".join(parent.cmdline()).startswith("ray::"):
                found.append(number)
    return found


def none_left(folder: Folder, within_s: float = 10.0) -> bool:
    deadline = time.monotonic() + within_s
    while scripts(folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not scripts(folder)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("saves", [False, True])
def test_any_death_is_survived(tmp_path: Path, saves: bool) -> None:
    folder = Folder(tmp_path)
    folder.write(SPEC + f"checkpoint: {str(saves).lower()}\n")
    folder.write(dedent(SCRIPT), "train.py")
    lives = [Life.begin(folder, "run", "sweep.yaml", "--json")]
    for victim in ("lane", "driver", "everything", "lane"):
        lives += [] if lives[-1].alive else [Life.begin(folder, "resume", "--json")]
        life = lives[-1]
        assert life.wait(lambda life=life: bool(scripts(folder)) and bool(life.workers())), victim
        time.sleep(0.35)
        print(lives[-1].kill(victim))
        if victim == "lane":
            deadline = time.monotonic() + 10
            while orphans(folder):
                assert time.monotonic() < deadline, "the script of the lane runs on"
                time.sleep(0.05)
        else:
            assert none_left(folder, 30.0), f"{victim}: scripts run on"
    if lives[-1].alive:
        lives[-1].kill("everything")
    document = folder.document("resume")
    agree(folder, document, 24)
    assert {trial["state"] for trial in document["trials"]} == {"done", "stopped"}
    journal = journal_of(folder)
    assert journal is not None
    told, _ = records(journal)
    reports = Counter((record["trial_id"], record["step"]) for record in told if record["op_code"] == REPORTED)
    assert set(reports.values()) == {1}, "an epoch was told to the study twice"
    for trial in document["trials"]:
        lr, (best,) = trial["params"]["lr"], [trial["best_value"]]
        assert best == pytest.approx(lr * (1 - 0.5 ** trial["epochs"]), rel=1e-6), trial
    assert (tmp_path / "resumed").exists() == saves, "what was saved is used"
    assert none_left(folder) and survivors(lives) == []


RANKS = """
import json, os, pathlib, sys, time

lr, rank = float(sys.argv[1].partition("=")[2]), int(os.environ["RANK"])
folder = pathlib.Path(os.environ.get("PACELINE_CHECKPOINT", "/nowhere"))
def done(number):
    file = folder / f"rank{number}"
    return json.loads(file.read_text()) if file.exists() else 0
begin = done(rank)
if begin:
    with open("resumed", "a") as noted:
        print(rank, begin, file=noted)
with open(f"begun{rank}", "a") as noted:
    print(os.environ["MASTER_PORT"], begin, file=noted)  # each start of both has a port of its own
for epoch in range(begin, 9):
    time.sleep(0.2 + 0.1 * rank)
    if folder.is_dir():
        new = folder / f"new{rank}"
        new.write_text(str(epoch + 1))
        new.replace(folder / f"rank{rank}")
        while done(1 - rank) <= epoch:
            time.sleep(0.01)
    print(f"epoch={epoch} val_acc={100 if rank else lr * (1 - 0.5 ** (epoch + 1))}", flush=True)
"""


def kill_worker(folder: Folder) -> bool:
    """Kill the worker whose script is the second rank of a trial, if there is one."""
    for number in scripts(folder):
        with suppress(psutil.Error):
            script = psutil.Process(number)
            if script.environ().get("RANK") == "1" and (worker := script.parent()) is not None:
                worker.kill()
                return True
    return False


@pytest.mark.timeout(900)
@pytest.mark.parametrize("saves", [False, True])
def test_any_death_of_two_ranks_is_survived(tmp_path: Path, saves: bool) -> None:
    folder = Folder(tmp_path)
    spec = SPEC.replace("trials: 24", "trials: 9").replace("max_concurrent: 2", "max_concurrent: 1")
    command = 'command: ["${interpreter}", -S, "${program}", "${args}"]'
    resources = "resources: {workers: 2, cpus: 0.5}"
    folder.write(f"{spec}{command}\n{resources}\ncheckpoint: {str(saves).lower()}\n")
    folder.write(dedent(RANKS), "train.py")
    lives = [Life.begin(folder, "run", "sweep.yaml", "--json")]
    for victim in ("worker", "lane", "driver", "everything", "worker"):
        lives += [] if lives[-1].alive else [Life.begin(folder, "resume", "--json")]
        life = lives[-1]
        assert life.wait(lambda life=life: len(scripts(folder)) == 2), victim
        time.sleep(0.8)
        before = {*scripts(folder)}
        if victim == "worker":
            assert life.wait(lambda: kill_worker(folder)), "there is work left"
        else:
            print(life.kill(victim))
        deadline = time.monotonic() + 30
        while before & {*scripts(folder)}:
            assert time.monotonic() < deadline, f"{victim}: scripts run on"
            time.sleep(0.05)
    if lives[-1].alive:
        lives[-1].kill("everything")
    document = folder.document("resume")
    agree(folder, document, 9)
    assert {trial["state"] for trial in document["trials"]} == {"done", "stopped"}
    for trial in document["trials"]:
        wanted = trial["params"]["lr"] * (1 - 0.5 ** trial["epochs"])
        assert trial["best_value"] == pytest.approx(wanted, rel=1e-6), trial
    assert (tmp_path / "resumed").exists() == saves, "what was saved is used"
    first, second = (dict(map(str.split, (tmp_path / f"begun{k}").read_text().splitlines())) for k in (0, 1))
    together = first.keys() & second.keys()
    assert len(together) > 9
    assert {port: first[port] for port in together} == {port: second[port] for port in together}, "from one epoch"
    assert none_left(folder) and survivors(lives) == []


MISBEHAVES = """
import os, signal, subprocess, sys, time

kind = sys.argv[1].partition("=")[2]
def log(value, epoch=0):
    print(f"epoch={epoch} val_acc={value}", flush=True)

if kind == "well":
    log(0.5)
elif kind == "sys_exit":
    log(0.1)
    sys.exit("I had enough")
elif kind == "os_exit":
    log(0.1)
    os._exit(7)
elif kind == "prints":
    while True:
        print("x" * 1000)
elif kind == "leaks":
    kept = []
    for epoch in range(5):
        kept.append(bytearray(200 * 2**20))
        log(epoch / 10, epoch)
elif kind == "child":
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    log(0.6)
elif kind == "chdir":
    os.chdir("/")
    log(0.55)
elif kind == "sometimes":
    for epoch in range(6):
        print(f"epoch={epoch} " + (f"val_acc={epoch / 20}" if epoch % 2 else "loss=1"), flush=True)
elif kind == "hangs":
    log(0.1)
    time.sleep(600)
elif kind == "forks":
    for number in range(50):
        if os.fork() == 0:
            if number % 2:
                os.setsid()
            time.sleep(600)
    log(0.58)
elif kind == "import":
    import nothing_like_it
elif kind == "segv":
    os.kill(os.getpid(), signal.SIGSEGV)
elif kind == "nothing":
    print("loss=0.5")
"""
TOLD = {
    "sys_exit": "train.py ended with exit code 1: I had enough",
    "os_exit": "train.py ended with exit code 7: epoch=0 val_acc=0.1",
    "prints": "trial_timeout is 10 s",
    "hangs": "trial_timeout is 10 s",
    "import": "train.py ended with exit code 1: ModuleNotFoundError: No module named 'nothing_like_it'",
    "segv": "train.py was killed by SIGSEGV",
    "nothing": "train.py ended without reporting val_acc; it logged: loss",
}
WELL = {"well": 0.5, "leaks": 0.4, "child": 0.6, "chdir": 0.55, "sometimes": 0.25, "forks": 0.58}


@pytest.mark.timeout(300)
def test_scripts_that_misbehave_are_told_and_the_sweep_goes_on(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write(dedent(MISBEHAVES), "train.py")
    folder.write(
        "program: train.py\nmethod: grid\nmetric: {name: val_acc, goal: maximize}\n"
        f"parameters:\n  kind: {{values: [{', '.join([*WELL, *TOLD])}]}}\n"
        "max_retries: 0\nmax_failed_trials: 20\ntrial_timeout: 10s\nmax_concurrent: 2\n"
        'tracking: {uri: "sqlite:///mlflow.db"}\n'
    )
    before = {process.pid for process in psutil.process_iter()}
    document = folder.document("run", "sweep.yaml")
    trials = {trial["params"]["kind"]: trial for trial in document["trials"]}
    assert {kind: trial["best_value"] for kind, trial in trials.items() if trial["state"] == "done"} == WELL
    for kind, sentence in TOLD.items():
        assert sentence in str(trials[kind]["failure"]), (kind, trials[kind]["failure"])
    new = [one for one in psutil.process_iter(["cmdline"]) if one.pid not in before]
    assert not [one for one in new if "time.sleep(600)" in str(one.info["cmdline"])] and none_left(folder)
