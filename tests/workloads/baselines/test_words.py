"""Baselines of labelled words, by hand on the same sentences."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import pytest

from tests.helpers.baseline_data import split_of
from workloads.baselines.measure import fitted, wanted
from workloads.champion.test_scores import TestSplit
from workloads.data.sentences.describe import texts_of


def pairs(split: TestSplit, name: str) -> list[tuple[str, str]]:
    """Return the words of a split with their labels."""
    part = split.test if name == "test" else split.search.train
    labels = [split.search.classes[code] for row in part.y for code in row if code >= 0]
    return list(zip(" ".join(texts_of(part)).split(" "), labels, strict=True))


def score(split: TestSplit, key: str) -> float:
    found, _ = fitted(split, next(row for row in wanted(split) if row.key == key))
    assert found.score is not None
    return found.score


@pytest.mark.parametrize("metric", ["accuracy", "loss"])
def test_words_have_the_label_that_they_have_most_often_in_training(metric: str, tmp_path: Path) -> None:
    split = split_of("words", tmp_path, metric)
    train, test = pairs(split, "train"), pairs(split, "test")
    of_all, by_pair, by_word = (
        Counter(label for _, label in train),
        Counter(train),
        Counter(word for word, _ in train),
    )
    classes = split.search.classes
    every = {label: (of_all[label] + 1) / (len(train) + len(classes)) for label in classes}
    shares = [{c: (by_pair[w, c] + every[c]) / (by_word[w] + 1) for c in classes} for w, _ in test]
    if metric == "accuracy":
        common = of_all.most_common(1)[0][0]
        assert score(split, "majority-label") == pytest.approx(
            sum(label == common for _, label in test) / len(test)
        )
        expected = sum(max(share, key=share.__getitem__) == c for share, (_, c) in zip(shares, test, strict=True))
        assert score(split, "labels-of-words") == pytest.approx(expected / len(test))
    else:
        nats = [-math.log(every[label]) for _, label in test]
        assert score(split, "label-frequencies") == pytest.approx(sum(nats) / len(nats))
        nats = [-math.log(share[c]) for share, (_, c) in zip(shares, test, strict=True)]
        assert score(split, "labels-of-words") == pytest.approx(sum(nats) / len(nats))
