"""A spool whose files were damaged is read as far as it is right, and what is wrong is told."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.harm import HARMS, cut, empty, flip, remove
from tests.helpers.small_sweep_in_mlflow import curve, metrics, open_writer, params, runs_of, write_trial
from tracking.store.errors import Refused
from tracking.store.records import RunFacts
from tracking.writer import recent
from tracking.writer import spool as spools
from tracking.writer.events import EpochMeasured, Event, Reconciled, TextKept, TrialBegan
from tracking.writer.spool import Spool

EVENTS = [EpochMeasured(key=f"t{n % 3:04d}", epoch=n, metrics={"val_loss": n / 7}, time_ms=n) for n in range(12)]
SENT = 5


def written(folder: Path) -> None:
    spool = Spool(folder)
    for event in EVENTS:
        spool.append(event)
    spool.acknowledge(spool.waiting()[SENT - 1].end)
    spool.refuse(EVENTS[1], "no room")
    spool.refuse(EVENTS[2], "no room")
    spool.close()


def read(spool: Spool) -> list[Event]:
    found = [entry.event for entry in spool.all()]
    assert all(isinstance(event, Event) for event in found), "what cannot be read was left out when it was opened"
    return [event for event in found if isinstance(event, Event)]


@pytest.mark.parametrize("harm", HARMS)
def test_each_file_of_a_spool_is_believed_as_far_as_it_is_right(tmp_path: Path, harm: str) -> None:
    for name in ("events.jsonl", "sent", "refused.jsonl"):
        folder = tmp_path / name
        written(folder)
        HARMS[harm](folder / name)
        spool = Spool(folder)
        found, waiting = read(spool), [entry.event for entry in spool.waiting()]
        assert found == [event for event in EVENTS if event in found], "in order, and none is another one"
        assert waiting == found[len(found) - len(waiting) :] and all(
            e in waiting for e in found if e in EVENTS[SENT:]
        )
        if name == "events.jsonl":
            assert len(found) == {"flip": 11, "cut": 6}.get(harm, 0) and len(spool.mended) == 1
        else:
            assert found == EVENTS and spool.repeated_until == (spool.size if name == "sent" else 0)
            assert spool.refused() <= {"t0001", "t0002"}
            assert (name == "refused.jsonl" and harm in ("empty", "remove")) or str(folder / name) in spool.mended[
                0
            ]
        spool.append(EVENTS[0])
        spool.close()
        again = Spool(folder)
        assert (read(again), again.mended) == ([*found, EVENTS[0]], []), "it is whole again"
        again.close()


class Killed(BaseException):
    """The process's end."""


def test_a_kill_behind_the_mending_of_the_events_sends_all_that_mlflow_may_lack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path)
    path = tmp_path / "events.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([b"#" + lines[0][1:], *lines[1:]]))
    replace = os.replace

    def killed(*paths: Path) -> None:
        replace(*paths)
        if Path(paths[1]) == path:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", killed)
        with pytest.raises(Killed):
            Spool(tmp_path)
    spool = Spool(tmp_path)
    waiting = [entry.event for entry in spool.waiting()]
    assert spool.lost and waiting == EVENTS[1:] and spool.repeated_until == spool.size
    spool.close()


def test_last_lines_that_rot_are_no_torn_tail(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    for num_bad in (1, 2):
        written(tmp_path)
        lines = path.read_bytes().splitlines(keepends=True)
        harmed = b"".join([*lines[:-num_bad], *(b"#" + line[1:] for line in lines[-num_bad:])])
        path.write_bytes(harmed)
        spool = Spool(tmp_path)
        assert read(spool) == EVENTS[:-num_bad] and "the file as it was is" in spool.mended[0]
        assert (tmp_path / "events.jsonl.broken").read_bytes() == harmed
        spool.close()
        for file in tmp_path.iterdir():
            file.unlink()


def test_a_bit_that_flips_anywhere_makes_no_other_event(tmp_path: Path) -> None:
    written(tmp_path)
    whole = {name: (tmp_path / name).read_bytes() for name in ("events.jsonl", "sent")}
    for step in range(101):
        for name, content in whole.items():
            (tmp_path / name).write_bytes(content)
        flip(tmp_path / "events.jsonl", step / 100)
        flip(tmp_path / "sent", step / 100)
        spool = Spool(tmp_path)
        assert spool.sent in (0, SENT - 1) and read(spool) == [e for e in EVENTS if e in read(spool)]
        assert len(read(spool)) >= len(EVENTS) - 2 and len(spool.mended) >= 2
        spool.close()


def test_a_missing_line_and_a_spool_of_an_earlier_version(tmp_path: Path) -> None:
    written(tmp_path)
    path = tmp_path / "events.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:3] + lines[4:]))
    spool = Spool(tmp_path)
    place = sum(map(len, lines[:3]))
    assert spool.mended[0].startswith(f"{path}: line 4 (byte {place}) cannot be read or is missing")
    assert read(spool) == EVENTS[:3] + EVENTS[4:] and (tmp_path / "events.jsonl.broken").exists()
    spool.close()
    unsealed = [line[: line.rindex(b',"n":')] + b"}\n" for line in lines]
    path.write_bytes(b"".join([*unsealed[:4], b'{"torn\n', *unsealed[4:]]))
    (tmp_path / "sent").write_bytes(b"%020d\n" % sum(map(len, unsealed[:SENT])))
    spool = Spool(tmp_path)
    assert read(spool) == EVENTS and path.name in spool.mended[0]
    spool.close()


def test_a_spool_that_was_removed_while_it_is_open_can_still_be_read(tmp_path: Path) -> None:
    written(tmp_path)
    spool = Spool(tmp_path)
    for path in list(tmp_path.iterdir()):
        path.unlink()
    spool.append(EVENTS[0])
    assert len(spool.waiting()) == len(EVENTS) - SENT + 1
    spool.close()


def replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(path.read_bytes()[:9])
    other.rename(path)


def lengthen(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"what an editor adds\n")


def test_a_spool_that_is_harmed_while_it_is_open_is_written_again(tmp_path: Path) -> None:
    for harm in (empty, cut, remove, replace, lengthen):
        folder = tmp_path / harm.__name__
        written(folder)
        whole = (folder / "events.jsonl").read_bytes()
        spool = Spool(folder)  # of a driver that goes on
        harm(folder / "events.jsonl")
        spool.append(EVENTS[0])
        assert [entry.event for entry in spool.waiting()] == [*EVENTS[SENT:], EVENTS[0]]
        [told] = spool.harmed()
        assert told.startswith(f"{folder / 'events.jsonl'} was ") and "nothing is lost" in told
        spool.append(EVENTS[1])
        spool.acknowledge(spool.waiting()[-1].end)
        spool.close()
        again = Spool(folder)
        assert read(again) == [*EVENTS, EVENTS[0], EVENTS[1]] and again.sent == again.size
        assert (again.mended, again.harmed(), again.lost) == ([], [], False)
        assert (folder / "events.jsonl").read_bytes().startswith(whole)
        again.close()


def test_what_is_too_old_for_memory_is_lost_from_an_emptied_spool_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent, "RECENT_BYTES", 500)
    written(tmp_path)
    spool = Spool(tmp_path)
    assert [entry.event for entry in spool.waiting()] == EVENTS[SENT:], "older ones are read from the file"
    empty(tmp_path / "events.jsonl")
    [told] = spool.harmed()
    kept = [entry.event for entry in spool.waiting()][1:]
    assert "it is written again, but for bytes 0 to" in told and "what the study has" in told and spool.lost
    assert kept == EVENTS[-len(kept) :] and 0 < len(kept) < len(EVENTS) - SENT
    spool.acknowledge(spool.size)
    empty(tmp_path / "events.jsonl")
    spool.lost = False
    assert "MLflow has had them" in spool.harmed()[0] and not spool.lost
    spool.close()
    again = Spool(tmp_path)
    assert read(again) == kept and "cannot be read or is missing" in again.mended[0] and again.lost
    again.close()


@pytest.mark.parametrize("harm", [empty, remove])
def test_a_spool_that_is_harmed_under_a_running_sweep_costs_nothing(
    sqlite_uri: str, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    folder, told = tmp_path / "spool", list[str]()
    writer = open_writer(sqlite_uri, folder, told)
    write_trial(writer, 0)
    harm(folder / "events.jsonl")
    write_trial(writer, 1)
    assert writer.close(60) and not writer.lost
    [said] = told
    assert str(folder / "events.jsonl") in said and "nothing is lost" in said
    runs = runs_of(sqlite_uri)
    for number in (0, 1):
        [run] = runs[f"t{number:04d}"]
        for name in ("val_accuracy", "val_loss"):
            expected = {epoch: metrics(number, epoch)[name] for epoch in (1, 2, 3)}
            assert dict(curve(sqlite_uri, run.info.run_id, name)) == pytest.approx(expected)
    assert Spool(folder).mended == []


def test_the_study_s_value_takes_the_place_of_a_lost_one_between_others(sqlite_uri: str, tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    spool = Spool(folder)  # as a driver leaves it that is killed before anything is sent
    spool.append(TrialBegan(key="t0000", number=0, role="trial", params=params(0), time_ms=1))
    for epoch in (1, 2, 3):
        spool.append(EpochMeasured(key="t0000", epoch=epoch, metrics=metrics(0, epoch), time_ms=1 + epoch))
    spool.close()
    lines = (folder / "events.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "events.jsonl").write_bytes(b"".join([*lines[:2], b"\0" * 9 + lines[2][9:], lines[3]]))
    writer = open_writer(sqlite_uri, folder)
    history = {epoch: metrics(0, epoch)["val_accuracy"] for epoch in (1, 2, 3)}
    facts = RunFacts(number=0, role="trial", params=params(0), state="done", history=history, summary={})
    writer.reconcile({"t0000": facts})
    assert writer.close(60)
    [run] = runs_of(sqlite_uri)["t0000"]
    assert dict(curve(sqlite_uri, run.info.run_id)) == pytest.approx(history)


def test_a_folder_that_is_removed_while_it_is_open_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "home" / "spool"
    written(folder)
    spool = Spool(folder)
    shutil.rmtree(folder)
    spool.append(EVENTS[0])
    [told] = spool.harmed()
    assert "removed or replaced" in told and "nothing is lost" in told and spool.harmed() == []
    again = Spool(folder)
    assert (read(again), again.sent, again.mended) == ([*EVENTS, EVENTS[0]], spool.sent, [])
    shutil.rmtree(folder.parent)
    assert spool.harmed() == [] and not folder.parent.exists(), "that of a sweep that was removed is not"
    assert not spool.refuse(EVENTS[0], "no room")
    with pytest.raises(Refused, match="was removed"):
        spool.join(TextKept(path="a.txt", text="b", more=True))
    assert not folder.parent.exists()
    spool.close()
    again.close()


def test_of_the_lines_about_one_member_alone_are_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "RECENT_BYTES", 500)
    monkeypatch.setattr(spools, "BATCH_BYTES", 300)
    written(tmp_path)
    spool, parse, parsed = Spool(tmp_path), spools._parse, list[bytes]()
    monkeypatch.setattr(spools, "_parse", lambda line: parsed.append(line) or parse(line))
    assert list(spool.about("t0001")) == EVENTS[1::3] and len(parsed) == 4
    spool.close()


def test_what_a_spool_has_lost_is_remembered_until_mlflow_has_what_the_study_has(
    sqlite_uri: str, tmp_path: Path
) -> None:
    written(tmp_path / "spool")
    flip(tmp_path / "spool" / "events.jsonl")
    messages = list[str]()
    stopped = open_writer(sqlite_uri, tmp_path / "spool", messages)  # as by `paceline stop`
    assert not stopped.close(60) and "until the sweep is resumed" in messages[-1]
    resumed = open_writer(sqlite_uri, tmp_path / "spool", messages)
    assert resumed.lost
    resumed.reconcile({})
    assert not resumed.lost and resumed.close(60)
    spool = Spool(tmp_path / "spool")
    assert not spool.lost and [event.lost for event in read(spool) if isinstance(event, Reconciled)] == [True]
    spool.close()


def test_a_full_disk_is_the_spool_s_trouble_and_not_mlflow_s(
    sqlite_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, messages = tmp_path / "spool", list[str]()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        writer = open_writer(sqlite_uri, folder, messages)
        patch.setattr(shutil, "copyfileobj", full)
        write_trial(writer, 0)
        empty(folder / "events.jsonl")
        assert writer.close(60), "what is in memory is sent"
    [told] = messages
    assert told.startswith(f"{folder / 'events.jsonl'} ") and told.endswith("No space left on device")
    assert not list(folder.glob(".events*")) and len(curve(sqlite_uri, writer.run_ids["t0000"])) == 3
