"""What a trial's code prints is kept in a file of its own, bounded, and its last lines are found again."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from cluster.sweep.files.last_lines import SHOWN_LINES, last_lines
from cluster.sweep.files.trial_logs import files_of, trials_of
from search_spaces.race.legs import Leg, Member
from workloads.models.custom import trial_log
from workloads.models.custom.trial_log import (
    LegLogs,
    bound,
    current,
    mark_of,
    part_of,
    path_of,
    turn,
)

LEG = Leg(id=0, start=3, stop=9, horizon=9, members=(Member(trial=7, seed=2, params={}),), retry=True)


def test_a_log_takes_what_process_and_children_print_and_gives_the_output_back(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = path_of(tmp_path / "logs", 7)
    for attempt in (1, 2):
        log = LegLogs(tmp_path / "logs", LEG)
        assert (found := current()) is not None and found.path == path
        os.write(1, b"out %d\n" % attempt)
        os.write(2, b"err\n")
        subprocess.run(["sh", "-c", "echo child"], check=True)
        if attempt == 1:
            log.raised("Traceback ...\nValueError: größer")
        log.close()
    print("afterwards", flush=True)
    assert current() is None
    assert capfd.readouterr().out == "afterwards\n"
    mark, *lines = path.read_text().splitlines()
    assert mark.startswith("=== t007 seed 2, epochs 4 to 9, tried again, ")
    assert lines[:6] == ["out 1", "err", "child", "=== it raised ===", "Traceback ...", "ValueError: größer"]
    assert lines[7:] == ["out 2", "err", "child"]
    assert last_lines(path) == "out 2\nerr\nchild"
    path_of(tmp_path / "logs", 7, rank=1).touch()
    assert trials_of(tmp_path / "logs") == [7]
    assert [rank for rank, _ in files_of(tmp_path / "logs", 7)] == [0, 1]


def test_the_last_lines_of_an_attempt_that_raised_are_those_before_its_traceback(tmp_path: Path) -> None:
    path = tmp_path / "t000.log"
    mark = f"=== {mark_of(LEG, *LEG.members)} ===\n"
    path.write_text(f"{mark}old\n{mark}new\n=== it raised ===\nTraceback\n")
    assert last_lines(path) == "new"
    path.write_text(f"=== {mark_of(LEG, *LEG.members)} ===\n")
    assert last_lines(path) == "" == last_lines(tmp_path / "none")
    path.write_text("".join(f"{n}\n" for n in range(50)))
    assert last_lines(path).splitlines() == [str(n) for n in range(50 - SHOWN_LINES, 50)]


def test_members_of_one_leg_print_to_their_own_logs_in_their_turns(tmp_path: Path) -> None:
    logs = LegLogs(tmp_path, replace(LEG, members=tuple(Member(trial=k, seed=0, params={}) for k in (1, 2))))
    with turn(1):
        os.write(1, b"one\n")
    with turn(2):
        os.write(1, b"two\n")
    os.write(1, b"one again\n")
    with pytest.raises(ValueError), turn(2):
        raise ValueError
    logs.raised("ValueError")
    logs.close()
    assert current() is None
    assert (tmp_path / "t001.log").read_text().splitlines()[1:] == ["one", "one again"]
    assert (tmp_path / "t002.log").read_text().splitlines()[1:] == ["two", "=== it raised ===", "ValueError"]


def test_seeds_and_folds_of_one_trial_in_a_leg_are_told_apart_where_they_print(tmp_path: Path) -> None:
    members = tuple(Member(trial=7, seed=seed, params={}) for seed in (4, 5))
    logs = LegLogs(tmp_path, replace(LEG, members=members))
    for said in (b"", b"one\n", b""):
        for seed in (4, 5):
            with turn(7, part_of(seed)):
                os.write(1, said)
    with turn(7, part_of(5, fold=0)):
        os.write(1, b"folded\n")
    logs.close()
    mark, *lines = (tmp_path / "t007.log").read_text().splitlines()
    assert mark.startswith("=== t007 seeds 4, 5, epochs 4 to 9, tried again, ")
    assert lines == [
        *("=== t007 seed 4 ===", "one", "=== t007 seed 5 ===", "one"),
        *("=== t007 seed 5, fold 1 ===", "folded"),
    ]
    assert last_lines(tmp_path / "t007.log") == "folded"
    logs = LegLogs(tmp_path, LEG)
    with turn(7, part_of(2)):
        os.write(1, b"alone\n")
    logs.close()
    assert (tmp_path / "t007.log").read_text().splitlines()[-2].startswith("=== t007 seed 2, epochs 4 to 9"), (
        "no line"
    )


def test_the_last_lines_leave_out_what_a_crash_tells_of_others_code(tmp_path: Path) -> None:
    path = tmp_path / "t000.log"
    lines = [
        *("same", "same", "same", "Fatal Python error: Segmentation fault", "Stack (most recent call first):"),
        *(f'  File "{name}", line 3 in f' for name in (trial_log.__file__, os.__file__, "/home/me/mine.py")),
        *(
            "[2026-11-30 16:16:41,466 E 1 2] logging.cc:474: x",
            "    @     0x7f9c  (unknown)",
            "Extension modules: a",
        ),
    ]
    path.write_text("\n".join(lines))
    assert last_lines(path).splitlines() == [
        *("same", "(3 such lines)", *lines[3:5]),
        '  File "/home/me/mine.py", line 3 in f',
    ]


def test_an_endless_print_keeps_its_beginning_and_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in (("MOST", 1000), ("FIRST", 200), ("LAST", 300)):
        monkeypatch.setattr(trial_log, name, size)
    path, lines = tmp_path / "t000.log", [f"line {n:05d}" for n in range(400)]
    with path.open("a") as file:
        for line in lines:
            print(line, file=file, flush=True)
            bound(path)
    kept = path.read_bytes()
    assert len(kept) <= 1000
    head, told, tail = kept.partition(b"bytes are left out here ===\n")
    assert head.startswith(b"line 00000\n") and tail.endswith(b"line 00399\n") and tail.startswith(b"line ")
    count = int(head.rpartition(b"=== ")[2].replace(b",", b""))
    assert told and count + 200 + len(tail) == 400 * len("line 00000\n")


def test_where_a_log_cannot_be_opened_none_of_the_leg_stays_open(tmp_path: Path) -> None:
    (tmp_path / "t002.log").mkdir()
    members = tuple(Member(trial=k, seed=0, params={}) for k in (1, 2))
    with pytest.raises(OSError):
        LegLogs(tmp_path, replace(LEG, members=members))
    logs = LegLogs(tmp_path, LEG)
    os.write(1, b"of seven\n")
    logs.close()
    assert last_lines(tmp_path / "t007.log") == "of seven" and last_lines(tmp_path / "t001.log") == ""
