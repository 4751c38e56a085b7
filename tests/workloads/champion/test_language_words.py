"""The champion of pre-trained encoders on labelled words gives what was scored, in a fresh process too."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from search_spaces.race.legs import Leg, Member
from search_spaces.types.objective import LOSS
from tests.helpers.paths import ROOT
from tests.helpers.tagged import names
from workloads.champion.language_model import LanguageModel, load, made
from workloads.data.search_data import Prepared
from workloads.data.sentences.describe import texts_of
from workloads.legs.runner import LegRunner, LegSetting

FRESH = """
import json, sys
from workloads.champion.language_model import load
found = load(sys.argv[1]).predict(json.loads(sys.argv[2]))
print(json.dumps([found["labels"].tolist(), found["probabilities"].tolist()]))
"""


@pytest.fixture(autouse=True)
def library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="the extra language is not installed")
    monkeypatch.setenv("PACELINE_CACHE", str(tmp_path / "cache"))


def champion(folder: Path, prepared: Prepared, **params: Any) -> tuple[LanguageModel, dict[str, float]]:
    lane = LegRunner(LegSetting("language", LOSS, str(folder / "c"), device="cpu"), prepared.search, prepared.test)
    small = {"model": "none", "batch_size": 8, "lr": 0.05, "encoder_lr_ratio": 0.1, "max_length": 96, **params}
    lane.start(
        Leg(id=0, start=0, stop=2, horizon=2, members=(Member(trial=0, seed=3, params=small),), purpose="final")
    )
    while not lane.done:
        lane.epoch()
    uri, scored = lane.save()[0].uri, dict(lane.score()[0].metrics)
    made("language", uri, prepared.search)[0].save(folder / "saved")
    return load(folder / "saved"), scored


@pytest.mark.parametrize("mode", ["features", "lora", "full"])
def test_labels_of_raw_sentences_are_those_that_were_scored(mode: str, tmp_path: Path) -> None:
    prepared = names(tmp_path)
    model, scored = champion(tmp_path, prepared, mode=mode)
    texts, classes = texts_of(prepared.test), prepared.search.classes
    found = model.predict(texts)
    truth = [[classes[code] for code in row if code >= 0] for row in prepared.test.y]
    pairs = [pair for rows in zip(truth, found["labels"], strict=True) for pair in zip(*rows, strict=True)]
    assert sum(a == b for a, b in pairs) / len(pairs) == pytest.approx(scored["test_accuracy"])
    assert model.predict([text.split() for text in texts]).equals(found)
    assert model.predict(["", "Stop !", []])["labels"].map(len).tolist() == [0, 2, 0]
    assert model.predict(["", []])["labels"].tolist() == [[], []] and len(model.predict([])) == 0
    if mode == "lora":
        told = subprocess.run(
            [sys.executable, "-c", FRESH, str(tmp_path / "saved"), json.dumps(texts)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(told.stdout) == [found["labels"].tolist(), found["probabilities"].tolist()]


def test_a_model_that_is_not_saved_yet_labels_all_sentences_of_its_search(tmp_path: Path) -> None:
    prepared = names(tmp_path)
    saved, _ = champion(tmp_path, prepared, mode="features")
    uri = next(path.parent for path in sorted((tmp_path / "c").rglob("*")) if path.is_file())
    unsaved, _ = made("language", str(uri), prepared.search)
    texts = list(prepared.search.train.columns[0].values)
    assert unsaved.predict(texts).equals(saved.predict(texts))


def test_a_word_that_is_cut_has_no_label(tmp_path: Path) -> None:
    model, scored = champion(tmp_path, names(tmp_path), mode="features", max_length=16)
    found = model.predict(["Ann Smith lives in a town of that name ."])
    labels, probabilities = found["labels"][0], found["probabilities"][0]
    assert len(labels) == 10 and labels[0] is not None and labels[-1] is None
    assert probabilities[-1] != probabilities[-1] and scored["test_accuracy"] < 0.7
