"""Scores of a causal model by part of the test text: beside those of models of characters, on the same parts."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from search_spaces.spec.data import Data
from tests.helpers.causal_data import TEXT
from workloads.baselines import measure
from workloads.champion.test_scores import TestSplit
from workloads.data.prepare import prepare


def test_a_text_s_parts_are_the_same_for_tokens_and_for_characters(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(TEXT * 4)
    data = prepare(Data(text=str(tmp_path / "a.txt")))
    split = TestSplit.of("language", "bits_per_character", data.search, data.test)
    num = 50
    kept = {name: np.full(num, value) for name, value in (("nats", 6.0), ("hits", 1.0), ("number", 9.0))}
    kept["characters"] = np.arange(1.0, 1 + num)
    found = split.by_row([kept])
    assert found is not None and found.mean() > 0
    for baseline in measure.wanted(split):
        measured, _ = measure.fitted(split, baseline)
        beside = split.by_row([measured.values])
        assert beside is not None and beside.shape == found.shape
    table = split.table({0: {0: kept}}, [])
    assert len(table) > 0
    tokens = TestSplit.of("language", "loss", data.search, data.test)
    assert measure.wanted(tokens) == [], "a loss by token cannot be compared with one by character"
    assert measure.wanted(TestSplit.of("recurrent", "loss", data.search, data.test))
