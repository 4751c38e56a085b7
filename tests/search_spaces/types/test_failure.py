"""Why a trial failed is one record, and homes that told it in free text are still read."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import get_args

import pytest

from cluster.sweep.messages import Report
from search_spaces.race.legs import MemberEpoch
from search_spaces.types.failure import WORDS, FailureKind, FailureReason

TRACEBACK = "Traceback (most recent call last):\n  File 'own.py', line 3\nValueError: bad\n"
KINDS = get_args(FailureKind)


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        ("diverged: val_loss is nan", "diverged", "val_loss is nan"),
        ("diverged: out of memory is nan", "diverged", "out of memory is nan"),
        ("infeasible: heads must divide the width", "infeasible", "heads must divide the width"),
        ("infeasible: memory ends with one member", "out_of_memory", "memory ends with one member"),
        ("infeasible: memory ended, and this workload", "out_of_memory", "memory ended, and this workload"),
        ("lane died: The actor died unexpectedly", "lane_died", "The actor died unexpectedly"),
        ("lane died: OutOfMemoryError: Task was killed", "out_of_memory", "OutOfMemoryError: Task was killed"),
        ("a worker died: no reason given", "lane_died", "no reason given"),
        (TRACEBACK, "raised", TRACEBACK),
        ("MemoryError", "out_of_memory", "MemoryError"),
    ],
)
def test_free_text_of_older_homes_is_read(error: str, kind: FailureKind, text: str) -> None:
    assert FailureReason.noted({"error": error}) == FailureReason(kind, text)


def test_what_has_not_failed_has_no_reason() -> None:
    assert FailureReason.noted({}) is FailureReason.noted({"error": None, "failure": None}) is None


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_travels_whole(kind: FailureKind) -> None:
    reason = FailureReason(kind, TRACEBACK)
    told = MemberEpoch(key="t0000-s0", epoch=1, failure=reason)
    report = Report.from_result(Report(epochs=[told], failure=reason).to_result())
    assert report.failure == reason and list(report.epochs) == [told]
    assert FailureReason.noted(json.loads(json.dumps({"failure": asdict(reason)}))) == reason


@pytest.mark.parametrize("kind", KINDS)
def test_people_read_the_kind_in_words(kind: FailureKind) -> None:
    reason = FailureReason(kind, "a sentence")
    assert str(reason) == reason.line == (f"{WORDS[kind]}: a sentence" if WORDS[kind] else "a sentence")
    assert FailureReason(kind, TRACEBACK).line == "ValueError: bad"
    assert reason.is_error == (kind not in ("stopped", "constraint"))


def test_memory_is_told_from_what_the_code_was_about() -> None:
    about = "Traceback:\n  raise ValueError('out of memory')\nValueError: bad"
    assert FailureReason.told("raised", about).kind == "raised"
    assert FailureReason.told("raised", "Traceback:\nRuntimeError: CUDA out of memory").kind == "out_of_memory"
    assert FailureReason("raised", " \n").line == "no reason given"
