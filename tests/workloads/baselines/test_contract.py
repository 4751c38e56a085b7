"""What holds for each row of the catalogue of baselines, on tiny data of each kind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.baseline_data import KINDS, split_of
from tests.helpers.workload_data import search_data
from workloads.baselines.catalogue import BASELINES, baselines_of
from workloads.baselines.measure import fitted, found, measure, wanted
from workloads.data.search_data import no_data

EXPECTED = {
    "sentences": ["majority", "tf-idf"],
    "loss of sentences": ["frequencies", "tf-idf"],
    "pairs": ["majority", "tf-idf"],
    "numbers of sentences": ["mean", "tf-idf-ridge"],
    "table": ["majority", "boosted-trees"],
    "numbers": ["mean", "boosted-trees"],
    "absolute errors": ["median", "boosted-trees"],
    "quantiles": ["quantile-90", "boosted-trees-quantile-90"],
    "images": ["majority", "pixels"],
    "series": ["seasonal", "last-value", "autoregression"],
    "words": ["majority-label", "labels-of-words"],
    "loss of words": ["label-frequencies", "labels-of-words"],
    "completions": ["characters-of-completions", "n-grams-of-completions"],
    "text": ["characters", "n-grams"],
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_baseline_predicts_and_is_kept_as_it_was_measured(kind: str, tmp_path: Path) -> None:
    split, root = split_of(kind, tmp_path), str(tmp_path / "checkpoints")
    rows = wanted(split)
    assert [row.key for row in rows] == EXPECTED[kind]
    for row in rows:
        outputs = row.fit(split.search, row.sample(split.search))(split.test)
        assert np.isfinite(outputs).all() and len(outputs) == len(split.test)
        if split.search.problem in ("classification", "language", "tagging"):
            assert np.exp(outputs).sum(-1) == pytest.approx(1)
            assert outputs.shape == (*split.y.shape, split.search.num_outputs)
        elif kind == "completions":
            assert outputs.shape == (len(split.test), 5)
        else:
            assert outputs.shape == tuple(split.y.shape) or not row.trained
    measure(split, root)
    again = [fitted(split, row)[0] for row in rows]
    for now, kept in zip(again, found(split, root), strict=True):
        assert kept.failed is None and kept.score == pytest.approx(now.score, rel=1e-12)
        of_now, of_kept = split.by_row([now.values]), split.by_row([kept.values])
        assert of_now is not None and of_kept == pytest.approx(of_now, rel=1e-4, abs=1e-6)


def test_rows_are_drawn_where_there_are_more_than_a_limit_allows(tmp_path: Path) -> None:
    """By rows, by numbers a row (of sentences characters), and by classes; of a text the last windows."""
    table, texts = split_of("table", tmp_path).search, split_of("sentences", tmp_path).search
    row, words = (next(row for row in BASELINES if row.key == key) for key in ("boosted-trees", "tf-idf"))
    assert row.sample(table) is table.train
    drawn = [replace(row, **{limit: 40}).sample(table) for limit in ("max_rows", "max_numbers", "max_outputs")]
    assert [len(part) for part in drawn] == [40, 40 // table.train.x.shape[1], 40 // table.num_outputs]
    assert {*drawn[0].x[:, 1]} < {*table.train.x[:, 1]}
    assert replace(row, max_rows=40, trained=False).sample(table) is table.train, "a mean costs nothing"
    mean = np.mean([len(text) for text in texts.train.columns[0].values])
    assert len(replace(words, max_numbers=500).sample(texts)) == 500 // int(mean)
    text = split_of("text", tmp_path).search
    last = replace(next(row for row in BASELINES if row.key == "n-grams"), max_rows=3).sample(text)
    assert last.x.tolist() == text.train.x[-3:].tolist()


def test_baselines_have_keys_of_their_own_and_a_place_in_the_suite() -> None:
    keys = [row.key for row in BASELINES]
    assert len(set(keys)) == len(keys)
    alike = {f"{of}quantile-{percent}" for of in ("", "boosted-trees-") for percent in (5, 10, 25, 50, 75, 95)}
    assert {*keys} - {"pixels-ridge", *alike} == {key for kind in EXPECTED.values() for key in kind}


def test_there_are_none_without_data_and_each_is_for_its_problem() -> None:
    assert baselines_of(no_data(), "accuracy") == []
    assert [row.key for row in baselines_of(search_data(), "accuracy")] == ["majority", "pixels"]
    assert [row.key for row in baselines_of(search_data(image=False), "accuracy")] == ["majority", "boosted-trees"]
