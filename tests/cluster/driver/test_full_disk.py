"""A disk without room ends a sweep with a sentence, wherever the error arose, and leaves nothing half written."""

from __future__ import annotations

import errno
import io
import os
import resource
from pathlib import Path

import pytest

from cluster.cli.main import main
from cluster.driver.driver import Driver
from search_spaces.study.study import Study
from search_spaces.types.driver_errors import Fenced, Unwritable
from tests.helpers.finished_sweep_without_ray import raced
from tracking.writer.events import TextKept
from tracking.writer.spool import Spool


def no_room(*_: object) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def broken(*_: object) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def half_written(file: io.FileIO, content: bytes) -> None:
    file.write(content[: len(content) // 2])
    no_room()


def wrapped(*_: object) -> int:
    """As Ray's own errors hide what led to them."""
    try:
        return no_room()
    except OSError as error:
        raise RuntimeError("The Ray Tune run failed") from error


@pytest.mark.parametrize("run", [no_room, wrapped])
def test_it_is_told_in_a_sentence_that_names_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], run: object
) -> None:
    monkeypatch.chdir(tmp_path)
    home = raced(most_legs=2)
    monkeypatch.setattr(Driver, "run", run)
    assert main(["resume", home.id]) == 1
    err = capsys.readouterr().err
    assert "no space left on the disk of " in err and f"`paceline resume {home.id}` continues the sweep" in err
    assert "Traceback" not in err


def test_half_a_write_of_the_journal_is_taken_back_for_good(tmp_path: Path) -> None:
    study = Study("full", "maximize", tmp_path / "journal.log")
    study.set("first", 1)
    study.flush()
    before = (tmp_path / "journal.log").read_bytes()
    study.set("second", "x" * 4_000)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 50, limits[1]))
        with pytest.raises(OSError, match="File too large"):
            study.flush()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "journal.log").read_bytes() == before, "nor is anything written as the file is closed"
    study.flush()
    assert Study("full", "maximize", tmp_path / "journal.log", writing=False).facts()["second"] == "x" * 4_000


def test_half_a_write_that_cannot_be_taken_back_is_told_as_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = tmp_path / "5f2e" / "journal.log"
    journal.parent.mkdir()
    study = Study("half", "maximize", journal)
    study.set("first", 1)
    study.flush()
    size = journal.stat().st_size
    study.set("second", "x" * 4_000)
    with monkeypatch.context() as patch:
        patch.setattr("search_spaces.study.journal._write", half_written)
        patch.setattr(os, "ftruncate", broken)
        way_out = f"cut back to its {size} whole bytes: Input/output error.*`paceline resume 5f2e`"
        with pytest.raises(Unwritable, match=f"{journal} cannot be written: No space left on device.*{way_out}"):
            study.flush()
        with pytest.raises(Unwritable, match=f"{journal} holds a part of a write that failed.*{way_out}") as told:
            study.flush()
    study.set("third", 3)
    study.flush()
    assert Study("half", "maximize", journal, writing=False).facts()["third"] == 3
    study.set("fourth", 4)
    with journal.open("ab") as file:
        file.write(b"{}\n")
    with pytest.raises(Fenced, match="another driver"):
        study.flush()

    def ends(*_: object) -> int:
        raise told.value

    monkeypatch.chdir(tmp_path)
    home = raced(most_legs=2)
    monkeypatch.setattr(Driver, "run", ends)
    assert main(["resume", home.id]) == 1
    assert f"{journal} holds a part" in capsys.readouterr().err


def test_half_an_event_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool, write = Spool(tmp_path), os.write
    spool.append(TextKept(path="a.txt", text="first"))
    before = (tmp_path / "events.jsonl").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda file, content: write(file, content[: len(content) // 2]))
        with pytest.raises(OSError, match="No space left") as raised:
            spool.append(TextKept(path="b.txt", text="second"))
    assert raised.value.errno == errno.ENOSPC
    assert (tmp_path / "events.jsonl").read_bytes() == before
    spool.append(TextKept(path="c.txt", text="third"))
    assert [entry.event.path for entry in spool.all() if isinstance(entry.event, TextKept)] == ["a.txt", "c.txt"]
