"""Texts and labels that users really have: each is refused in a plain sentence before the start, or trained on."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from cluster.sweep.data_process import check_first, first
from search_spaces.race.legs import Leg, Member
from search_spaces.spec.sweep import parse_sweep
from search_spaces.types.faults import SpecError
from workloads.arrays import Arrays, Column, DataError
from workloads.data.prepare import prepare
from workloads.data.sentences.describe import told_by_texts, words_of
from workloads.legs.runner import LegRunner, LegSetting
from workloads.models.recurrent.tokens import UNKNOWN, learned
from workloads.registry import catalogue

GIVEN = "csv: r.csv, target: label, text: review"
SPEC = """workload: %s
data: {%s}
parameters: {max_length: 16, batch_size: 16, %s}
trials: 1
epochs: 1
"""
OWN = {"language": "model: none", "recurrent": "width: 8, depth: 1"}


def table(texts: Sequence[str], labels: Sequence[str] = ("good", "bad"), head: str = "review,label") -> bytes:
    """Return a CSV of 40 rows with texts and labels in turn; each text that has words is another one."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(head.split(","))
    for k in range(40):
        text = texts[k % len(texts)]
        writer.writerow([f"{text} {k}" if text.strip() else text, labels[k % len(labels)]])
    return file.getvalue().encode()


PLAIN = ("a fine film", "a dull one")
MIXED = table(("a fi\u0142m \u4f60", "a dull one")).replace(b"dull one 17", b"d\xfcll one 17")
REFUSED: dict[str, tuple[bytes, str, str]] = {
    "labels are missing": (
        table(PLAIN, ("good", "", "bad", "", "good")),
        GIVEN,
        r"column 'label' of r.csv is empty in 16 rows, first in line 3: fill them, or say data.missing",
    ),
    "no text": (table(["", "  "]), GIVEN, "data.text: 'review' holds no word in any training row: name the column"),
    "two encodings": (MIXED, GIVEN, "data.csv: cannot be read: line 19 is no UTF-8, as most others are: write it"),
    "two encodings, one said": (MIXED, GIVEN + ", encoding: utf-8", r"is no utf-8|line 19"),
    "null characters": (table(["a\0b fine", "dull"]), GIVEN, "null characters, which must be taken out: .* line 2"),
    "one class": (table(PLAIN, ["good"]), GIVEN, r"column 'label' holds one class only \(good\)"),
    "the text is the target": (
        table(PLAIN),
        GIVEN.replace("label", "review"),
        "must be other columns than the target",
    ),
    "one name for two columns": (table(PLAIN, head="review,review"), GIVEN, "two columns are named 'review'"),
    "no such column": (table(PLAIN), GIVEN.replace("text: review", "text: reviews"), "did you mean 'review'"),
}
TOLD: dict[str, tuple[bytes, str | None]] = {
    "an empty text": (table(["a fine film", "", "dull", "c", "d"]), " texts of train are empty"),
    "200,000 characters": (table(["x " * 100_000, "a dull one"]), None),
    "one word of 200,000": (table(["x" * 200_000, "a dull one"]), None),
    "emoji": (table(["\U0001f600 fine", "\U0001f621 dull"]), None),
    "right to left": (table(["\u05e9\u05dc\u05d5\u05dd", "\u0645\u0631\u062d\u0628\u0627"]), None),
    "no blanks": (table(["\u8fd9\u90e8\u7535\u5f71\u5f88\u597d", "\u8fd9\u90e8\u7535\u5f71\u5f88\u96be"]), None),
    "control characters": (table(["a\x01b\x07 fine", "a\x1b[31m dull"]), None),
    "latin-1": (
        "\n".join(["review,label", *["le caf\xe9 est ferm\xe9,a", "la fen\xeatre,b"] * 20]).encode("latin-1"),
        None,
    ),
    "numbers": (
        "\n".join(["review,label", *(f"{k * k},{'ab'[k % 2]}" for k in range(40))]).encode(),
        "all texts of 'review' are numbers",
    ),
    "texts that are labels": (
        "\n".join(["review,label", *(f"Film{k % 4},film{k % 4}" for k in range(40))]).encode(),
        "100% of the texts are the target itself: name another column",
    ),
}


def started(folder: Path, raw: bytes, data: str, workload: str) -> tuple[LegRunner, Leg, Sequence[str]]:
    """Return what `run` has before the first epoch, and what it tells of the data."""
    (folder / "r.csv").write_bytes(raw)
    text = SPEC % (workload, data, OWN[workload])
    sweep = parse_sweep(text, "sweep.yaml", folder, catalogue=catalogue())
    found = prepare(sweep.data, sweep.problem)
    check_first(workload, sweep.constants, found.search, [], first(sweep))
    setting = LegSetting(workload, sweep.objective, str(folder / "checkpoints"), device="cpu")
    member = Member(trial=0, seed=0, params=dict(sweep.constants))
    leg = Leg(id=0, start=0, stop=1, horizon=1, members=(member,), purpose="search")
    return LegRunner(setting, found.search), leg, (*found.card.leaks, *found.card.notes)


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_meant_is_refused_with_the_way_out(name: str, tmp_path: Path) -> None:
    raw, data, reason = REFUSED[name]
    with pytest.raises((SpecError, DataError), match=reason) as refused:
        started(tmp_path, raw, data, "recurrent")
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize("workload", OWN)
@pytest.mark.parametrize("name", TOLD)
def test_what_can_be_meant_is_trained_on_and_what_is_odd_is_told(workload: str, name: str, tmp_path: Path) -> None:
    if workload == "language":
        pytest.importorskip("transformers", reason="the extra language is not installed")
    raw, odd = TOLD[name]
    lane, leg, told = started(tmp_path, raw, GIVEN, workload)
    lane.start(leg)
    [report] = lane.epoch()
    assert report.failure is None and math.isfinite(report.metrics["val_loss"])
    assert odd is None or any(odd in line for line in told), told


WORDS = {
    "\u8fd9\u90e8\u7535\u5f71, ok Film2": ["\u8fd9", "\u90e8", "\u7535", "\u5f71", ",", "ok", "film2"],
    "\u3053\u308c \ud55c\uad6d\uc5b4": ["\u3053", "\u308c", "\ud55c\uad6d\uc5b4"],
    "\u0939\u093f\u0928\u094d\u0926\u0940 \u0967\u0968": ["\u0939\u093f\u0928\u094d\u0926\u0940", "\u0967\u0968"],
    "\u0645\u064e\u0631\u0652 \u05e9\u05c1\u05b8\u05dc": ["\u0645\u064e\u0631\u0652", "\u05e9\u05c1\u05b8\u05dc"],
    "cafe\u0301 na\xefve it's": ["cafe\u0301", "na\xefve", "it", "'", "s"],
    "a_b 3.5 \U0001f600": ["a_b", "3", ".", "5", "\U0001f600"],
}


@pytest.mark.parametrize("text", WORDS)
def test_words_are_those_of_their_script(text: str) -> None:
    assert words_of(text) == WORDS[text]


def test_where_no_word_occurs_twice_all_are_kept() -> None:
    tokens = learned(["one two", "three"], "words", 10, 5)
    assert set(tokens.vocabulary) == {"one", "two", "three"}
    assert learned(["one two", "two"], "words", 10, 5).vocabulary == ("two",)
    assert tokens.coded([("one four",)])[0][1] == UNKNOWN


def test_texts_that_are_the_number_to_predict_are_a_leak() -> None:
    column = Column("review", "text", ("1.5", "2.50", "no"))
    x, y = np.array([[0.0], [1.0], [1.0]]), np.array([[1.5], [2.5], [2.5]])
    assert told_by_texts(Arrays(x, y, (column,)), ()) is not None
    assert told_by_texts(Arrays(x + 1, y, (column,)), ()) is None
