"""Killed amid further seeds, retests and an edit, and resumed: the counts of study, MLflow and document add up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cluster.sweep.home import SweepHome
from cluster.sweep.knowledge.edit import ask
from cluster.sweep.reading import Reading
from tests.helpers.commands import STATUSES, Folder
from tests.helpers.kill_processes import Life, journal_of, records, survivors
from tests.helpers.survival import unharmed

pytestmark = [pytest.mark.slow, pytest.mark.soak, pytest.mark.timeout(900)]

SPEC = """
name: seeds
workload: tests.helpers.misbehaving_workload:CHAOS
data: {name: wine}
epochs: 9
trials: 8
train_together: 1
cost_per_hour: {cpu: 1}
parameters:
  lr: {min: 1e-3, max: 3e-2, log: true}
  nap_s: 0.1
final: {top: 1, seeds: 2}
"""
REPEATS = SPEC + "repeats: {seeds: 2}\nretest: none\n"
RETESTS = SPEC + "early_terminate: none\nretest: 0.3\n"


def seeds_of(folder: Folder) -> dict[str, dict[str, Any]]:
    """Return what the study has of each training with a further seed, by its key."""
    journal = journal_of(folder)
    told = [record.get("user_attr", {}) for record in records(journal)[0]] if journal else []
    pairs = [pair for attributes in told for pair in attributes.items()]
    return {key.removeprefix("repeat:"): entry for key, entry in pairs if key.startswith("repeat:")}


def number(folder: Folder, state: str) -> Callable[[], int]:
    """Return a function that counts the further seeds in a state."""
    return lambda: sum(entry["state"] == state for entry in seeds_of(folder).values())


def add_up(folder: Folder, document: dict[str, Any]) -> None:
    """Check that study, MLflow and document tell the same of the further seeds, each epoch of them once."""
    unharmed(folder, document, 8)
    seeds, runs = seeds_of(folder), folder.runs("repeat")
    assert sorted(runs) == sorted(seeds)
    for key, entry in seeds.items():
        assert entry["state"] in STATUSES and runs[key]["status"] == STATUSES[entry["state"]]
        told = folder.steps(runs[key]["run_id"], document["metric"]["name"])
        assert told == sorted(map(int, entry["values"])) == list(range(1, len(told) + 1)), key
    for trial in document["trials"]:
        done = [one for one in seeds.values() if one["trial"] == trial["number"] and one["state"] == "done"]
        assert len((trial["seeds"] or {"values": [0]})["values"]) >= 1 + len(done)
    trained = sum(one["epochs"] for one in document["trials"]) + sum(len(one["values"]) for one in seeds.values())
    assert trained <= document["budget"]["epochs"]["used"] <= trained + 40, "what was trained again counts, too"


def test_amid_further_seeds_and_an_edit(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write(REPEATS)
    lives = [Life.begin(folder, "run", "sweep.yaml", "--json")]
    assert lives[-1].wait(lambda: number(folder, "running")() > 0)
    print(lives[-1].kill("everything"))
    lives.append(Life.begin(folder, "resume", "--json"))
    assert lives[-1].wait(lambda: number(folder, "running")() > 0 and len(seeds_of(folder)) > 1)
    [home] = SweepHome.all(tmp_path / ".paceline")
    message = ask(Reading.of(home), ["parameters.lr.max=0.02"])
    assert lives[-1].wait(lambda: not message.waits)
    print(lives[-1].kill("driver"))
    document = folder.document("resume")
    add_up(folder, document)
    [edit] = document["edits"]
    assert all(trial["params"]["lr"] <= 0.02 for trial in document["trials"][edit["trials"] :])
    assert survivors(lives) == []


def test_amid_retests(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write(RETESTS)
    lives = [Life.begin(folder, "run", "sweep.yaml", "--json")]
    for num_done in (0, 1):
        assert lives[-1].wait(lambda n=num_done: number(folder, "running")() > 0 and number(folder, "done")() >= n)
        print(lives[-1].kill("everything" if num_done else "driver"))
        lives.append(Life.begin(folder, "resume", "--json"))
    lives[-1].kill("everything")
    document = folder.document("resume")
    add_up(folder, document)
    assert len(seeds_of(folder)) == 3, "0.3 of all epochs: those of three trainings beside eight"
    assert survivors(lives) == []
