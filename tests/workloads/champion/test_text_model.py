"""The champion of sentences: takes raw texts in several forms, and survives files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from search_spaces.race.legs import Leg, Member
from search_spaces.types.objective import LOSS
from tests.helpers.reviews import reviews, rows
from workloads.arrays import DataError
from workloads.champion.text_model import TextModel, load, made
from workloads.champion.winner import Subject, errors_of, outputs
from workloads.champion.winner import load as winner_of
from workloads.data.search_data import Prepared
from workloads.legs.runner import LegRunner, LegSetting


def champion(folder: Path, prepared: Prepared, **params: Any) -> tuple[TextModel, str, dict[str, float]]:
    lane = LegRunner(LegSetting("recurrent", LOSS, str(folder / "c"), device="cpu"), prepared.search, prepared.test)
    small = {"width": 8, "batch_size": 8, "lr": 0.02, **params}
    member = Member(trial=0, seed=3, params=small)
    lane.start(Leg(id=0, start=0, stop=4, horizon=4, members=(member,), purpose="final"))
    while not lane.done:
        lane.epoch()
    uri, scored = lane.save()[0].uri, dict(lane.score()[0].metrics)
    made("recurrent", uri, prepared.search)[0].save(folder / "saved")
    return load(folder / "saved"), uri, scored


@pytest.mark.parametrize("tokenizer", ["words", "subwords"])
def test_predictions_from_raw_texts_are_those_that_were_scored(tmp_path: Path, tokenizer: str) -> None:
    if tokenizer == "subwords":
        pytest.importorskip("tokenizers", reason="the extra language is not installed")
    prepared = reviews(tmp_path)
    model, uri, scored = champion(tmp_path, prepared, tokenizer=tokenizer)
    test = rows(60).iloc[prepared.indices["test"]]
    found = model.predict(test)
    assert (found["prediction"] == test["label"]).mean() == pytest.approx(scored["test_accuracy"])
    likelihood = np.where(test["label"] == "good", found["good"], found["bad"])
    assert -np.log(likelihood).mean() == pytest.approx(scored["test_loss"], rel=1e-4)
    logits = outputs(
        winner_of(Subject(workload="recurrent", checkpoint=uri, objective=LOSS), prepared.search), prepared.test
    )
    assert (logits["logits"].argmax(1) == (found["prediction"] == "good")).all()


def test_texts_come_in_many_forms_and_their_neighbours_do_not_matter(tmp_path: Path) -> None:
    model, _, _ = champion(tmp_path, reviews(tmp_path))
    texts = ["a fine film", "Dull", "film 3 is warm, after all that was said of it to me"]
    expected = model.predict(pd.DataFrame({"review": texts, "other": 1}))
    for form in (texts, pd.Series(texts), np.array(texts), [{"review": text} for text in texts], {"review": texts}):
        assert_frame_equal(model.predict(form), expected)
    for k, text in enumerate(texts):
        alone = model.predict([text])
        assert alone["good"][0] == pytest.approx(expected["good"][k], abs=1e-5)
    chosen = pd.DataFrame({"review": texts})["review"][1:]
    assert_frame_equal(model.predict(chosen), expected[1:])
    missing = model.predict(pd.DataFrame({"review": [None, ""]}))
    assert missing["good"][0] == missing["good"][1] and len(model.predict([])) == 0
    with pytest.raises(DataError, match="must have the column 'review', it has reviews, did you mean"):
        model.predict(pd.DataFrame({"reviews": texts}))
    with pytest.raises(DataError, match="must be a list of texts, received one text"):
        model.predict("a fine film")
    with pytest.raises(DataError, match="must be a list of texts, row 1 has 2"):
        model.predict([["a fine film"], ["a dull", "one"]])


def test_pairs_and_numbers(tmp_path: Path) -> None:
    prepared = reviews(tmp_path, text=["also", "review"], target="stars")
    model, uri, _ = champion(tmp_path, prepared)
    test = rows(60).iloc[prepared.indices["test"]]
    found = model.predict(test)["prediction"]
    assert_frame_equal(
        model.predict(list(zip(test["also"], test["review"], strict=True))), found.to_frame().reset_index(drop=True)
    )
    winner = winner_of(Subject(workload="recurrent", checkpoint=uri, objective=LOSS), prepared.search)
    truth, errors = errors_of(winner, prepared.test, outputs(winner, prepared.test))
    np.testing.assert_allclose(found, truth + errors, rtol=1e-4)
    with pytest.raises(DataError, match="must be a list of pairs of texts, also and review, row 0 has 1"):
        model.predict(["a text"])
    with pytest.raises(DataError, match="also and review, row 1 has 1"):
        model.predict([("a", "b"), None])
