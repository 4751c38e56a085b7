"""The experiment's note: a table of its sweeps that several writers keep at once, beside what people wrote."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.helpers.small_sweep_in_mlflow import HEADER, open_writer, write_trial
from tracking import names
from tracking.store.open import open_store
from tracking.store.records import Best, FoundRun, Place
from tracking.ui import experiment_note
from tracking.ui.experiment_note import merged, table


def run(number: int, **tags: str) -> FoundRun:
    known = {
        names.SWEEP_ID: f"a{number:03d}",
        names.SWEEP_NAME: "digits",
        names.SWEEP_METRIC: "val_accuracy",
        names.SWEEP_STATE: "finished",
    }
    metrics = {"best_val_accuracy": (0.98765432, 0)}
    return FoundRun(
        run_id=f"run{number}", status="FINISHED", start_ms=number * 60_000, tags=known | tags, metrics=metrics
    )


def test_every_sweep_has_a_line_with_its_numbers_and_links() -> None:
    told = table([run(1, **{names.SWEEP_TEST: "test_accuracy 0.9568 [0.9214, 0.9763]"}), run(2)], "7")
    second, first = [line for line in told.splitlines() if line.startswith("| [")]
    assert first == (
        "| [digits a001](#/experiments/7/runs/run1?workflowType=machine_learning) · "
        "[trials](#/experiments/7/runs?workflowType=machine_learning&viewStateShareKey=a001) | "
        r"val\_accuracy 0.98765 | test\_accuracy 0.9568 \[0.9214, 0.9763\] | finished | 1970-01-01 00:01 |"
    )
    assert "a002" in second and "|  |" in second, "the newest first; one without a test score has none"
    many = table([run(number) for number in range(500)], "7")
    assert len(many) <= experiment_note.MAX_NOTE and f"{500 - many.count('| [')} earlier sweeps are not" in many


def test_what_people_wrote_stays_around_the_table() -> None:
    first, second = table([run(1)], "7"), table([run(1), run(2)], "7")
    assert merged("", first) == first
    note = merged("What we learned: *a*\\1", first)
    assert note == f"What we learned: *a*\\1\n\n{first}"
    assert merged(f"{note}\n\nand below", second) == f"What we learned: *a*\\1\n\n{second}\n\nand below"
    assert merged(note, first) == note


def test_sweeps_that_end_at_once_are_all_in_the_note(any_uri: str, tmp_path: Path) -> None:
    ids = [f"b{number}" for number in range(4)]

    def end(sweep_id: str) -> None:
        header = replace(HEADER, sweep_id=sweep_id, experiment="together")
        writer = open_writer(any_uri, tmp_path / sweep_id, header=header)
        write_trial(writer, 1)
        best = Best(number=1, value=0.75, params={}, test=0.5)
        writer.summary("finished", best, {"best_val_accuracy": 0.75}, {names.SWEEP_TEST: "test_accuracy 0.5"})
        assert writer.close(60)

    threads = [Thread(target=end, args=[sweep_id]) for sweep_id in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    note = note_of(any_uri)
    lines = [line for line in note.splitlines() if line.startswith("| [")]
    assert len(lines) == 4 and all(any(f"digits-mlp {name}]" in line for line in lines) for name in ids)
    assert all("| finished |" in line and "test\\_accuracy 0.5 |" in line for line in lines), note


def test_a_note_that_another_writes_meanwhile_is_made_again(
    sqlite_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = open_writer(sqlite_uri, tmp_path / "spool", header=replace(HEADER, experiment="together"))
    assert writer.close(60)
    store = open_store(sqlite_uri)
    place = Place(experiment_id=str(writer.experiment_id), artifact_location="", user="")
    real, left = store.tag_experiment, [2]

    def late(experiment_id: str, tags: dict[str, str]) -> None:
        real(experiment_id, tags)
        if left[0]:  # another sweep's writer, which had read before we wrote, writes after us
            left[0] -= 1
            real(experiment_id, {names.NOTE: f"{experiment_note.BEGIN}\nan older table\n{experiment_note.END}"})

    monkeypatch.setattr(store, "tag_experiment", late)
    real(place.experiment_id, {names.NOTE: "mine"})
    experiment_note.keep_note(store, place)
    assert "an older table" not in note_of(sqlite_uri) and "| [digits-mlp" in note_of(sqlite_uri) and left == [0]


def note_of(uri: str) -> str:
    from mlflow import MlflowClient

    experiment: Any = MlflowClient(uri).get_experiment_by_name("together")
    return str(experiment.tags[names.NOTE])
