"""The champion of labelled words: takes sentences in several forms, and survives files and another process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from search_spaces.race.legs import Leg, Member
from search_spaces.types.objective import LOSS
from tests.helpers.paths import ROOT
from tests.helpers.tagged import names
from tracking.results.champion.head import Head
from tracking.results.report import files
from workloads.arrays import DataError
from workloads.champion.inspection import inspect
from workloads.champion.tagged.word_model import WordModel, load, made
from workloads.champion.winner import Subject
from workloads.data.search_data import Prepared
from workloads.data.sentences.describe import texts_of
from workloads.legs.checkpoint import found as found_in
from workloads.legs.runner import LegRunner, LegSetting

FRESH = """
import json, sys
from workloads.champion.tagged.word_model import load
found = load(sys.argv[1]).predict(json.loads(sys.argv[2]))
print(json.dumps([found["labels"].tolist(), found["probabilities"].tolist()]))
"""


def champion(folder: Path, prepared: Prepared) -> tuple[WordModel, dict[str, float]]:
    lane = LegRunner(LegSetting("recurrent", LOSS, str(folder / "c"), device="cpu"), prepared.search, prepared.test)
    params = {"width": 8, "batch_size": 8, "lr": 0.03, "bidirectional": True}
    lane.start(
        Leg(id=0, start=0, stop=5, horizon=5, members=(Member(trial=0, seed=3, params=params),), purpose="final")
    )
    while not lane.done:
        lane.epoch()
    uri, scored = lane.save()[0].uri, dict(lane.score()[0].metrics)
    made("recurrent", uri, prepared.search)[0].save(folder / "saved")
    return load(folder / "saved"), scored


def test_labels_of_raw_sentences_are_those_that_were_scored_and_the_same_elsewhere(tmp_path: Path) -> None:
    prepared = names(tmp_path)
    model, scored = champion(tmp_path, prepared)
    assert "torch" in model.packages
    texts, classes = texts_of(prepared.test), prepared.search.classes
    found = model.predict(texts)
    truth = [[classes[code] for code in row if code >= 0] for row in prepared.test.y]
    pairs = [pair for rows in zip(truth, found["labels"], strict=True) for pair in zip(*rows, strict=True)]
    assert np.mean([a == b for a, b in pairs]) == pytest.approx(scored["test_accuracy"])
    assert 0 < scored["test_accuracy"] < 1 or scored["test_f1"] > 0.9
    told = subprocess.run(
        [sys.executable, "-c", FRESH, str(tmp_path / "saved"), json.dumps(texts)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    labels, probabilities = json.loads(told.stdout)
    assert labels == found["labels"].tolist() and probabilities == found["probabilities"].tolist()


def test_sentences_come_in_many_forms(tmp_path: Path) -> None:
    model, _ = champion(tmp_path, names(tmp_path))
    texts = ["Ann Smith lives in Lima .", "Stop !", "Zoe"]
    words = [text.split() for text in texts]
    expected = model.predict(texts)
    assert expected["words"].tolist() == words and list(map(len, expected["labels"])) == [6, 2, 1]
    assert all(0 < p <= 1 for row in expected["probabilities"] for p in row)
    for form in (words, pd.Series(texts), pd.Series(words), {"words": texts}, [{"words": text} for text in texts]):
        assert_frame_equal(model.predict(form), expected)
    assert_frame_equal(
        model.predict(pd.DataFrame({"words": words}, index=[7, 8, 9])[1:]), expected[1:].set_axis([8, 9])
    )
    assert model.predict([["Ann", "New York"]])["words"][0] == ["Ann", "New York"]
    empty = model.predict(["", [], None])
    assert empty["labels"].tolist() == [[], [], []] and len(model.predict([])) == 0
    alone = model.predict(words[1:2])["probabilities"][0]
    assert alone == pytest.approx(expected["probabilities"][1], abs=1e-6)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("Ann lives", "must be a list of sentences, .* received one text"),
        ([[1, 2]], r"must be a list of sentences, .* received \[1, 2\] in row 0"),
        ({"word": ["Ann"]}, "must have the column 'words', it has word"),
        (["a " * 5001], "a sentence has at most 5000 words, row 0 has 5001"),
    ],
)
def test_other_forms_are_refused(rows: Any, said: str, tmp_path: Path) -> None:
    from workloads.champion.tagged.sentences import sentences_of

    with pytest.raises(DataError, match=said):
        sentences_of(rows)


def test_the_inspection_scores_each_kind_of_span_and_shows_the_worst_sentences(tmp_path: Path) -> None:
    prepared = names(tmp_path)
    champion(tmp_path, prepared)
    uri = next(iter(found_in(str(tmp_path / "c"))))
    subject = Subject(workload="recurrent", checkpoint=uri, objective=LOSS)
    found = inspect(subject, prepared.search, prepared.test)
    assert not found.failed and found.confusion is not None
    assert sum(map(sum, found.confusion.counts)) == (prepared.test.y >= 0).sum()
    classes = prepared.search.classes
    begun = {kind: int((prepared.test.y == classes.index(f"B-{kind}")).sum()) for kind in ("LOC", "PER")}
    assert {one.name: one.examples for one in found.classes} == begun
    for wrong in found.mistakes:
        assert wrong.truth != wrong.predicted
        assert len(wrong.truth.split()) == len(wrong.predicted.split()) == len(wrong.example["words"].split(" "))
    assert "confusion.csv" in " ".join(files(found, Head()))
