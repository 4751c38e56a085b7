"""Killed at random, again and again, and resumed: nothing is lost, nothing is doubled, nothing is left running."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from cluster.sweep.home import SweepHome
from cluster.sweep.reading import Reading
from tests.helpers.commands import Folder, agree
from tests.helpers.kill_processes import Blow, Life, random_blows, records, survivors
from tests.helpers.soak import NUM_DEATHS
from tests.helpers.survival import unharmed
from tests.helpers.sweep_here import Here
from tests.helpers.sweep_in_this_process import outcome
from tests.helpers.waiting import PATIENCE_S

pytestmark = pytest.mark.slow

BLOWS = os.environ.get("PACELINE_BLOWS", "")
"""The blows that a series has printed: the same ones again."""
VERDICT_VICTIMS = ("driver", "everything") if NUM_DEATHS > 1 else ("everything",)
"""Beside a lane. In the short form the driver falls in the random series, in the verdict too."""
NUM_LAST = 5
"""Most deaths that may find the sweep complete: those of its last phase come in the order of the phases."""
SPEC = """
name: deaths
workload: tests.helpers.misbehaving_workload:CHAOS
data: {name: wine}
epochs: 9
trials: 12
cohort: 3
parameters:
  lr: {min: 1e-3, max: 3e-2, log: true}
  nap_s: 0.02
final: {top: 2, seeds: 2}
"""
DETERMINED = """
name: verdict
workload: tests.helpers.misbehaving_workload:CHAOS
data: {name: wine}
method: grid
metric: {name: val_loss, goal: minimize}
parameters:
  lr: {values: [0.003, 0.01, 0.03]}
  nap_s: 0.03
early_terminate: none
epochs: 6
max_concurrent: 1
cohort: 2
final: {top: 2, seeds: 2}
"""
"""Whatever dies: the same trials, the same finalists, the same order of mini-batches."""


@pytest.mark.soak  # in the short form the draws of tests/chaos strike driver, lanes and everything
@pytest.mark.timeout(1200 + 120 * NUM_DEATHS)
def test_any_death_is_survived(tmp_path: Path) -> None:
    folder = Here(tmp_path)
    folder.write(SPEC)
    dice = random.Random(os.environ.get("PACELINE_SEED", "7"))
    blows = [Blow.parse(text) for text in BLOWS.split()] or random_blows(dice, NUM_DEATHS)
    print(f"\nPACELINE_BLOWS='{' '.join(map(str, blows))}'")
    num_trials = 4 + 4 * len(blows)
    lives = [Life.begin(folder, "run", "sweep.yaml", f"trials={num_trials}", "--json")]
    num_deaths = 0
    for blow in blows:
        lives += [] if lives[-1].alive else [Life.begin(folder, "resume", "--json")]
        while (fallen := lives[-1].strike(blow)) is None and not nothing_is_left(folder):  # it had ended before
            lives.append(Life.begin(folder, "resume", "--json"))
            blow = replace(blow, delay_s=blow.delay_s / 2)
        if fallen is None:
            break
        num_deaths += 1
        print(f"death {num_deaths}, {blow}: {fallen}")
    assert num_deaths >= max(1, NUM_DEATHS - NUM_LAST)
    if lives[-1].alive:
        lives[-1].kill("everything")
    document = folder.document("resume")
    unharmed(folder, document, num_trials)
    assert document["verdict"]["winner"]["seeds"] == 2
    assert survivors(lives) == []
    again = folder.document("resume")
    assert again["trials"] == document["trials"], "resuming a finished sweep changes nothing"
    assert again["verdict"] == document["verdict"]


def nothing_is_left(folder: Folder) -> bool:
    """Whether the sweep is complete: a further resume would have nothing to do, and nobody to kill."""
    [home] = SweepHome.all(folder.path / ".paceline")
    return Reading.of(home).complete


def test_deaths_in_the_verdict_leave_it_as_it_would_have_been(tmp_path: Path) -> None:
    struck = Here(tmp_path)
    struck.write(DETERMINED)
    lives = [Life.begin(struck, "run", "sweep.yaml", "--json")]
    assert lives[-1].wait(lambda: num_final_epochs(struck) > 0)
    print("\n" + lives[-1].kill("lane"))
    assert lives[-1].wait(lambda: {"running", "done"} <= set(lives[-1].finals.values())), "all was judged already"
    for victim in VERDICT_VICTIMS:
        lives += [] if lives[-1].alive else [Life.begin(struck, "resume", "--json")]
        assert lives[-1].wait(lives[-1].judging)
        print(lives[-1].kill(victim))
        assert lives[-1].phase == "verdict"
    last = Folder(tmp_path).paceline("resume", "--json")
    assert last.returncode == 0, last.stdout + last.stderr
    document = json.loads(last.stdout)
    unharmed(struck, document, num_trials=3)
    (tmp_path / "scratch").mkdir()
    expected = outcome(tmp_path / "sweep.yaml", tmp_path / "scratch", "parameters.nap_s=0")
    assert document["verdict"]["winner"]["params"]["lr"] == expected.verdict["winner"]["params"]["lr"]
    for part in ("winner", "default", "difference"):
        assert document["verdict"][part]["mean"] == pytest.approx(expected.verdict[part]["mean"], rel=1e-3)
    runs = struck.runs("final")
    assert sorted(runs) == sorted(f"t{trial:04d}-s{seed}" for trial in expected.scores for seed in (1, 2))
    for key, run in runs.items():
        judged = expected.scores[int(key[1:5])][int(key[7:])]
        assert struck.points(run["run_id"], "test_loss") == [pytest.approx(judged, rel=1e-3)]
    assert survivors(lives) == []


def num_final_epochs(folder: Folder) -> int:
    """How many epochs of final members have come back from the lanes."""
    spools = (folder.path / ".paceline").glob("*/spool/events.jsonl")
    events = [event for spool in spools for event in records(spool)[0]]
    return sum(event["kind"] == "epoch" and "-" in event["key"] for event in events)


@pytest.mark.soak  # the draws of tests/chaos send signals, and tear checkpoints and journals
def test_a_signal_stops_cleanly_and_a_torn_checkpoint_is_passed_over(tmp_path: Path) -> None:
    folder = Here(tmp_path)
    folder.write(SPEC)
    life = Life.begin(folder, "run", "sweep.yaml")
    assert life.wait(lambda: life.phase == "search")
    time.sleep(1.0)
    driver = life.driver
    os.kill(driver.pid, signal.SIGTERM)
    out, err = driver.communicate(timeout=PATIENCE_S)
    assert driver.returncode == 130, out + err
    assert "paceline resume" in out
    document = folder.document("show")
    assert document["state"] == "stopped"
    assert all(trial["state"] in ("done", "stopped", "paused") for trial in document["trials"])
    assert all(run["status"] != "RUNNING" for run in folder.runs("trial").values())
    torn = sorted((tmp_path / ".paceline" / document["sweep"] / "checkpoints").glob("*/*/weights.pt"))
    for path in torn:
        path.write_bytes(path.read_bytes()[:-7])
    journal = tmp_path / ".paceline" / document["sweep"] / "journal.log"
    with journal.open("ab") as file:
        file.write(b'{"op_code":6,"wor')
    done = folder.paceline("resume")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stdout.count("torn") >= 1 + bool(torn)
    agree(folder, folder.document("show"), 12)
