"""Killed at random, again and again, and resumed: nothing is lost, nothing is doubled, nothing is left running."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.sweeps import Folder, agree

pytestmark = pytest.mark.slow

NUM_DEATHS = int(os.environ.get("PACELINE_DEATHS", "3"))
"""``PACELINE_DEATHS=20 pytest tests/test_deaths.py`` is the long form."""
SPEC = """
name: deaths
workload: tests.chaos:CHAOS
data: {name: wine}
epochs: 9
trials: 12
cohort: 3
parameters:
  lr: {min: 1e-3, max: 3e-2, log: true}
  nap_s: 0.02
final: {top: 2, seeds: 2}
"""


def processes(driver: subprocess.Popen[str]) -> list[psutil.Process]:
    try:
        return psutil.Process(driver.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def lanes(driver: subprocess.Popen[str]) -> list[psutil.Process]:
    found = []
    for process in processes(driver):
        try:
            if "Lane" in " ".join(process.cmdline()):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def kill(victims: list[psutil.Process]) -> None:
    for victim in victims:
        try:
            victim.kill()
        except psutil.NoSuchProcess:
            continue


def kill_driver(driver: subprocess.Popen[str]) -> None:
    """The driver alone: Ray's processes have to notice by themselves."""
    driver.kill()


def kill_everything(driver: subprocess.Popen[str]) -> None:
    """As a power cut."""
    children = processes(driver)
    driver.kill()
    kill(children)


def kill_a_lane(driver: subprocess.Popen[str]) -> None:
    """One training process."""
    kill(random.sample(lanes(driver), k=min(1, len(lanes(driver)))))


DEATHS: tuple[Callable[[subprocess.Popen[str]], None], ...] = (kill_driver, kill_a_lane, kill_everything)


def sweep_id(folder: Folder) -> str:
    return next((folder.path / ".paceline").iterdir()).name


def wait_for_training(folder: Folder, driver: subprocess.Popen[str], size: int) -> None:
    """Until the journal has grown, which it does with the first leg."""
    deadline = time.monotonic() + 120
    while driver.poll() is None and time.monotonic() < deadline:
        journals = list((folder.path / ".paceline").glob("*/journal.log"))
        if journals and journals[0].stat().st_size > size + 2_000:
            return
        time.sleep(0.05)


def journal_size(folder: Folder) -> int:
    return sum(path.stat().st_size for path in (folder.path / ".paceline").glob("*/journal.log"))


def test_any_death_is_survived(tmp_path: Path) -> None:
    folder, dice = Folder(tmp_path), random.Random(os.environ.get("PACELINE_SEED", "7"))
    folder.write(SPEC)
    num_trials = 4 * NUM_DEATHS
    words: tuple[str, ...] = ("run", "sweep.yaml", f"trials={num_trials}", "--json")
    for number in range(NUM_DEATHS):
        size = journal_size(folder)
        driver = folder.start(*words)
        wait_for_training(folder, driver, size)
        time.sleep(dice.uniform(0.0, 2.0))
        death = DEATHS[number % len(DEATHS)]
        if driver.poll() is None:
            death(driver)
        if death is kill_a_lane:
            time.sleep(dice.uniform(0.5, 2.0))
            kill_everything(driver)
        driver.communicate()
        words = ("resume", "--json")
    document = folder.document("resume")
    agree(folder, document, num_trials)
    assert all(trial["state"] in ("done", "stopped") for trial in document["trials"])
    assert document["verdict"]["winner"]["seeds"] == 2
    assert {run["status"] for run in folder.runs("final").values()} == {"FINISHED"}
    again = folder.document("resume")
    assert again["trials"] == document["trials"], "resuming a finished sweep changes nothing"


def test_a_signal_stops_cleanly_and_a_torn_checkpoint_is_passed_over(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write(SPEC)
    driver = folder.start("run", "sweep.yaml")
    wait_for_training(folder, driver, 0)
    time.sleep(1.0)
    os.kill(driver.pid, signal.SIGTERM)
    out, err = driver.communicate(timeout=60)
    assert driver.returncode == 130, out + err
    assert "paceline resume" in out
    document = folder.document("show")
    assert document["state"] == "interrupted"
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
