"""Epochs that MLflow was told of before its driver died, which the study does not have."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.small_sweep_in_mlflow import HEADER, curve, metrics, open_writer, params, runs_of
from tracking.store.errors import Away, Refused
from tracking.store.records import RunChange, RunFacts
from tracking.store.sqlite import SqliteStore
from tracking.writer.events import EpochMeasured, EpochsWithdrawn, Event, StateChanged, TrialBegan
from tracking.writer.sender import Sender
from tracking.writer.spool import Spool
from tracking.writer.told import Told, joined, of_spool

KEY = "t0000"


def began() -> TrialBegan:
    return TrialBegan(key=KEY, number=0, role="trial", params=params(0))


def told(*epochs: int) -> list[Event]:
    return [EpochMeasured(key=KEY, epoch=epoch, metrics=metrics(0, epoch)) for epoch in epochs]


def write(spool: Spool, *events: Event) -> None:
    for event in events:
        spool.append(event)


def facts(*epochs: int) -> dict[str, RunFacts]:
    history = {epoch: metrics(0, epoch)["val_accuracy"] for epoch in epochs}
    return {KEY: RunFacts(number=0, role="trial", params=params(0), state="paused", history=history)}


def epochs_in(uri: str) -> list[int]:
    [run] = runs_of(uri)[KEY]
    return [epoch for epoch, _ in curve(uri, run.info.run_id)]


@pytest.mark.parametrize("again", [2, 3, 4])
def test_they_stay_only_where_they_are_trained_again(sqlite_uri: str, tmp_path: Path, again: int) -> None:
    folder = tmp_path / "spool"
    first = open_writer(sqlite_uri, folder)
    first.trial("t0000", 0, "trial", params(0))
    for epoch in range(1, 5):
        first.epoch("t0000", epoch, metrics(0, epoch))
    first.text("note.txt", "kept", "t0000")
    assert first.close(60)
    history = {epoch: metrics(0, epoch)["val_accuracy"] for epoch in (1, 2)}
    second = open_writer(sqlite_uri, folder)
    second.reconcile({"t0000": RunFacts(number=0, role="trial", params=params(0), state="paused", history=history)})
    for epoch in range(3, again + 1):
        second.epoch("t0000", epoch, metrics(0, epoch))
    second.state("t0000", "stopped", {"train_seconds": 0.5})
    assert second.close(60)
    [run] = runs_of(sqlite_uri)["t0000"]
    assert run.info.run_id == second.run_ids["t0000"]
    assert (run.info.run_id == first.run_ids["t0000"]) == (again == 4)
    for name in ("val_accuracy", "val_loss"):
        expected = [(epoch, pytest.approx(metrics(0, epoch)[name])) for epoch in range(1, again + 1)]
        assert curve(sqlite_uri, run.info.run_id, name) == expected
    assert run.info.status == "FINISHED" and run.data.metrics["train_seconds"] == 0.5
    assert max(of_spool(folder, "val_accuracy")["t0000"].epochs) == again


def test_epochs_that_neither_study_nor_spool_knows_are_not_shown_twice(sqlite_uri: str, tmp_path: Path) -> None:
    first = open_writer(sqlite_uri, tmp_path / "spool")
    first.trial(KEY, 0, "trial", params(0))
    for epoch in range(1, 5):
        first.epoch(KEY, epoch, metrics(0, epoch))
    assert first.close(60)
    second = open_writer(sqlite_uri, tmp_path / "another machine's")
    second.reconcile(facts(1, 2))
    for epoch in (3, 4):
        second.epoch(KEY, epoch, metrics(1, epoch))
    second.state(KEY, "done", {})
    assert second.close(60)
    [run] = runs_of(sqlite_uri)[KEY]
    for name in ("val_accuracy", "val_loss"):
        expected = [(epoch, pytest.approx(metrics(epoch > 2, epoch)[name])) for epoch in (1, 2, 3, 4)]
        assert sorted(curve(sqlite_uri, run.info.run_id, name)) == expected


def test_a_training_that_goes_another_way_after_a_resume_is_shown_as_it_went(
    sqlite_uri: str, tmp_path: Path
) -> None:
    first = open_writer(sqlite_uri, tmp_path / "spool")
    first.trial(KEY, 0, "trial", params(0))
    for epoch in range(1, 6):
        first.epoch(KEY, epoch, metrics(0, epoch))
    assert first.close(60)
    second = open_writer(sqlite_uri, tmp_path / "spool")
    second.reconcile(facts(1, 2))
    second.epoch(KEY, 3, metrics(0, 3))
    for epoch in (4, 5):
        second.epoch(KEY, epoch, metrics(7, epoch))
    second.state(KEY, "done", {})
    assert second.close(60)
    [run] = runs_of(sqlite_uri)[KEY]
    expected = [metrics(7 * (epoch > 3), epoch)["val_accuracy"] for epoch in range(1, 6)]
    assert [value for _, value in curve(sqlite_uri, run.info.run_id)] == pytest.approx(expected)


def test_withdrawn_epochs_are_not_taken_from_mlflow_before_it_knows(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append(TrialBegan(key="t0000", number=0, role="trial", params={}))
    for epoch in (1, 2, 3):
        spool.append(EpochMeasured(key="t0000", epoch=epoch, metrics={"val_accuracy": 0.5}))
    spool.append(EpochsWithdrawn(key="t0000", kept=1))
    in_mlflow = Told(
        number=0,
        role="trial",
        params={},
        epochs={epoch: {"val_accuracy": 0.4} for epoch in (1, 2, 3)},
        rounded=frozenset({1, 2, 3}),
    )
    told = joined(of_spool(tmp_path, "val_accuracy"), {"t0000": in_mlflow})["t0000"]
    assert (list(told.epochs), told.rounded) == ([1], frozenset())
    spool.append(EpochMeasured(key="t0000", epoch=2, metrics={"val_accuracy": 0.6}))
    told = joined(of_spool(tmp_path, "val_accuracy"), {"t0000": in_mlflow})["t0000"]
    assert told.epochs == {1: {"val_accuracy": 0.5}, 2: {"val_accuracy": 0.6}}, "trained again"


@pytest.mark.parametrize("killed", [False, True])
def test_an_outage_in_the_midst_of_it_is_no_loss_and_a_later_loss_is_one(
    sqlite_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    messages = list[str]()
    spool = Spool(tmp_path / "spool")
    sender = Sender(sqlite_uri, spool, HEADER, messages.append)
    write(spool, began(), *told(1, 2, 3, 4))
    sender.step()
    write(spool, EpochsWithdrawn(key=KEY, kept=2), StateChanged(key=KEY, state="stopped", summary={}))

    def away(*_: Any) -> None:
        raise Away("it went")

    with monkeypatch.context() as patch, pytest.raises(Away):
        patch.setattr(SqliteStore, "send", away)
        sender.step()
    if killed:
        writer = open_writer(sqlite_uri, tmp_path / "spool", messages)
        assert writer.close(60)
    else:
        sender.lost(Away("it went"), 1)
        sender.step()
        assert sender.whole() and epochs_in(sqlite_uri) == [1, 2]
        store = SqliteStore(tmp_path / "mlflow.db")
        store.delete(sender.run_ids[KEY])
        assert messages == [] and not sender.whole() and "has lost values of 1 runs" in messages.pop()
        sender.step()
        assert sender.whole()
    assert messages == [] and epochs_in(sqlite_uri) == [1, 2]


def test_a_member_of_which_something_was_refused_keeps_the_rest(
    sqlite_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = RunChange.measure

    def picky(self: RunChange, metrics: dict[str, float], *when: int) -> list[str]:
        if 0.666 in metrics.values():
            raise Refused("not this one")
        return measure(self, metrics, *when)

    monkeypatch.setattr(RunChange, "measure", picky)
    spool, home = Spool(tmp_path / "home" / "spool"), tmp_path / "home"
    messages = list[str]()
    sender = Sender(sqlite_uri, spool, HEADER, messages.append)
    write(spool, began(), *told(1), EpochMeasured(key=KEY, epoch=2, metrics={"val_accuracy": 0.666}), *told(3, 4))
    sender.step()
    shutil.rmtree(home)  # which changes nothing for a driver that is to tell the end of its runs
    write(spool, EpochsWithdrawn(key=KEY, kept=3), StateChanged(key=KEY, state="stopped", summary={}))
    write(spool, *told(4, 5, 6), EpochsWithdrawn(key=KEY, kept=5), StateChanged(key=KEY, state="done", summary={}))
    sender.step()
    assert not home.exists() and spool.sent == spool.size and sender.whole()
    assert epochs_in(sqlite_uri) == [1, 3, 4, 5] and runs_of(sqlite_uri)[KEY][0].info.status == "FINISHED"
    assert all("not this one" in message for message in messages)


def test_what_an_earlier_withdrawal_took_does_not_come_back(sqlite_uri: str, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    sender = Sender(sqlite_uri, spool, HEADER, print)
    other = EpochMeasured(key=KEY, epoch=4, metrics={"val_accuracy": 0.125})
    write(spool, began(), *told(1, 2, 3, 4, 5), EpochsWithdrawn(key=KEY, kept=3), other)
    write(spool, *told(5, 6), EpochsWithdrawn(key=KEY, kept=5))
    sender.step()
    [run] = runs_of(sqlite_uri)[KEY]
    found = sorted(curve(sqlite_uri, run.info.run_id))  # `other` was made first: its time may be the earliest
    assert found[3:] == [(4, 0.125), (5, pytest.approx(metrics(0, 5)["val_accuracy"]))]


def test_a_spool_that_is_newer_than_the_member_knows_it_from_the_study(sqlite_uri: str, tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    first = open_writer(sqlite_uri, folder)
    first.trial(KEY, 0, "trial", params(0))
    for epoch in (1, 2):
        first.epoch(KEY, epoch, metrics(0, epoch))
    assert first.close(60)
    shutil.rmtree(folder)
    second = open_writer(sqlite_uri, folder)
    second.reconcile(facts(1, 2))
    for epoch in (3, 4):
        second.epoch(KEY, epoch, metrics(0, epoch))
    assert second.close(60)
    third = open_writer(sqlite_uri, folder)
    third.reconcile(facts(1, 2, 3))
    third.state(KEY, "stopped", {})
    assert third.close(60) and not (folder / "refused.jsonl").exists()
    assert epochs_in(sqlite_uri) == [1, 2, 3]
