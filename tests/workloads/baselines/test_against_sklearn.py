"""Each baseline's score is that of scikit-learn, of NumPy, or of a plain loop, by hand on the same rows."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import hstack
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss, mean_pinball_loss, root_mean_squared_error
from sklearn.preprocessing import StandardScaler

from search_spaces.spec.data import Data
from tests.helpers.baseline_data import split_of
from tests.helpers.sequence_data import RHYME
from workloads.arrays import Arrays, Column
from workloads.baselines import images
from workloads.baselines.characters import n_grams
from workloads.baselines.contract import LEAST, log_probabilities
from workloads.baselines.measure import fitted, wanted
from workloads.baselines.tables import boosted_trees
from workloads.champion.test_scores import TestSplit
from workloads.data.prepare import prepare
from workloads.data.search_data import SearchData
from workloads.data.sentences.describe import rows_of
from workloads.data.statistics import fit

TREES_OF_QUANTILE = "gradient boosting of the 90 % quantile (HistGradientBoosting)"


def score(split: TestSplit, key: str) -> float:
    """The baseline's score on the test split."""
    found, _ = fitted(split, next(row for row in wanted(split) if row.key == key))
    assert found.failed is None and found.score is not None
    return found.score


def cells(split: TestSplit, part: Arrays) -> list[tuple[str, ...]]:
    return list(zip(*rows_of(part.x, part.columns), strict=True))


@pytest.mark.parametrize("kind", ["sentences", "pairs", "loss of sentences"])
def test_texts_are_classified_as_by_scikit_learn(kind: str, tmp_path: Path) -> None:
    split = split_of(kind, tmp_path)
    train, val, test = (cells(split, part) for part in (split.search.train, split.search.val, split.test))
    each = [TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True).fit(texts) for texts in train]
    x, x_val, x_test = (
        hstack([v.transform(t) for v, t in zip(each, part, strict=True)]) for part in (train, val, test)
    )
    models = [LogisticRegression(C=c).fit(x, split.search.train.y) for c in (1, 10)]
    first, second = (model.score(x_val, split.search.val.y) for model in models)
    model = models[second > first]
    by_hand = model.score(x_test, split.test.y)
    if kind == "loss of sentences":
        by_hand = log_loss(split.test.y, model.predict_proba(x_test))
    assert score(split, "tf-idf") == pytest.approx(by_hand, rel=1e-9)


def test_texts_are_scored_as_by_scikit_learn(tmp_path: Path) -> None:
    split = split_of("numbers of sentences", tmp_path)
    (train,), (val,), (test,) = (cells(split, part) for part in (split.search.train, split.search.val, split.test))
    vectors = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True).fit(train)
    models = [Ridge(alpha).fit(vectors.transform(train), split.search.train.y) for alpha in (1.0, 0.1)]
    first, second = (model.score(vectors.transform(val), split.search.val.y) for model in models)
    assert second > first, "a few short texts"
    predicted = models[1].predict(vectors.transform(test))
    assert score(split, "tf-idf-ridge") == pytest.approx(root_mean_squared_error(split.test.y, predicted), rel=1e-6)


def test_texts_without_blanks_are_divided_into_letters(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = [
        ("".join(rng.permutation([*"这部电影我们昨天看过了", mood])), mood) for mood in "好差" for _ in range(40)
    ]
    pd.DataFrame(rows, columns=["review", "mood"]).to_csv(tmp_path / "r.csv", index=False)
    data = prepare(Data(csv=str(tmp_path / "r.csv"), target="mood", text="review"))
    assert score(TestSplit.of("recurrent", "accuracy", data.search, data.test), "tf-idf") == 1.0


@pytest.mark.parametrize("kind", ["table", "numbers"])
def test_tables_are_predicted_as_by_scikit_learn(kind: str, tmp_path: Path) -> None:
    """From the file itself, by its rows' numbers; the date has its calendar parts, as the pipeline gives them."""
    split = split_of(kind, tmp_path)
    frame = pd.read_csv(tmp_path / "table.csv")
    target = frame.pop(frame.columns[-1])
    day = pd.to_datetime(frame.pop("day")).dt
    seconds = (pd.to_datetime(pd.read_csv(tmp_path / "table.csv")["day"]).astype("int64") // 10**6).astype(float)
    for name, part in {"s": seconds, "y": day.year, "m": day.month, "d": day.day, "w": day.day_of_week}.items():
        frame[name] = part
    frame["kind"] = frame["kind"].astype("category")
    rows = {name: _rows(frame, part) for name, part in (("train", split.search.train), ("test", split.test))}
    regression = split.search.problem == "regression"
    kinds = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
    model = kinds(random_state=0).fit(frame.iloc[rows["train"]], target.iloc[rows["train"]])
    predicted, truth = model.predict(frame.iloc[rows["test"]]), target.iloc[rows["test"]]
    by_hand = root_mean_squared_error(truth, predicted) if regression else float((predicted == truth).mean())
    assert score(split, "boosted-trees") == pytest.approx(by_hand, rel=1e-6)


def test_a_quantile_is_judged_beside_the_quantile_and_beside_trees_of_it(tmp_path: Path) -> None:
    split = split_of("quantiles", tmp_path)
    names = [row.name for row in wanted(split)]
    assert names == ["90 % quantile of the training targets", TREES_OF_QUANTILE]
    constant = np.full(len(split.test), np.quantile(split.search.train.y, 0.9))
    by_hand = mean_pinball_loss(split.test.y[:, 0], constant, alpha=0.9)
    assert score(split, "quantile-90") == pytest.approx(by_hand, rel=1e-6)
    assert score(split, "boosted-trees-quantile-90") < by_hand


def _rows(frame: pd.DataFrame, part: Arrays) -> list[int]:
    places = {value: row for row, value in enumerate(frame["b"])}
    k = next(k for k, column in enumerate(part.columns) if column.name == "b")
    return [places[value] for value in part.x[:, k]]


def test_many_categories_and_one_that_training_lacks_are_taken() -> None:
    rng = np.random.default_rng(0)
    names = tuple(f"c{k:03d}" for k in range(300))
    codes = np.append(np.arange(300.0), rng.integers(0, 300, 400))
    x, y = np.stack([codes, rng.normal(size=700)], 1), (codes % 2).astype(np.int64)
    train = Arrays(x, y, (Column("kind", "category", names), Column("a")))
    search = SearchData(train, train, fit(x), 2, classes=("a", "b"))
    further = Arrays(np.array([[300.0, 0.0], [np.nan, 0.0]]), np.zeros(2, dtype=np.int64), train.columns)
    outputs = boosted_trees(search, train)(further)
    assert outputs.shape == (2, 2) and np.isfinite(outputs).all()


def test_pixels_are_classified_as_by_scikit_learn(tmp_path: Path) -> None:
    split = split_of("images", tmp_path)
    train, test = (part.x.reshape(len(part), -1).astype(float) for part in (split.search.train, split.test))
    scaler = StandardScaler().fit(train)
    model = LogisticRegression(max_iter=200).fit(scaler.transform(train), split.search.train.y)
    assert score(split, "pixels") == pytest.approx(model.score(scaler.transform(test), split.test.y), rel=1e-9)


def test_large_images_are_averaged_down_and_few_rows_are_drawn() -> None:
    x = np.random.default_rng(0).integers(0, 255, (8, 3, 64, 96)).astype(np.uint8)
    small = images.pixels(x).reshape(8, 3, 32, 32)
    assert small[2, 1, 3, 5] == pytest.approx(x[2, 1, 6:8, 15:18].mean())
    train = Arrays(np.zeros((images.MAX_ROWS + 7, 1, 2, 2), np.uint8), np.zeros(images.MAX_ROWS + 7, np.int64))
    search = SearchData(train, train, fit(train.x), 2)
    row = next(row for row in wanted(TestSplit.of("mlp", "accuracy", search, train)) if row.key == "pixels")
    assert len(row.sample(search)) == images.MAX_ROWS


def test_series_are_forecast_as_by_scikit_learn_and_by_their_past(tmp_path: Path) -> None:
    split = split_of("series", tmp_path)
    train, test = split.search.train, split.test
    scaler = StandardScaler().fit(train.x[..., 0])
    model = Ridge().fit(scaler.transform(train.x[..., 0]), train.y)
    forecasts = {
        "autoregression": model.predict(scaler.transform(test.x[..., 0])),
        "seasonal": test.x[:, :2, 0],
        "last-value": np.repeat(test.x[:, -1:, 0], 2, 1),
    }
    for key, forecast in forecasts.items():
        by_hand = float(np.sqrt(np.mean((forecast - test.y) ** 2)))
        assert score(split, key) == pytest.approx(by_hand, rel=1e-6), key


def test_n_grams_are_counted_as_in_a_plain_loop(tmp_path: Path) -> None:
    split = split_of("text", tmp_path)
    train, size = split.search.train, split.search.num_outputs
    text = [*train.x.ravel().tolist(), int(train.y[-1, -1])]
    counts: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
    for place, character in enumerate(text):
        for length in range(min(place, 4) + 1):
            counts[tuple(text[place - length : place])][character] += 1

    def share(context: tuple[int, ...], character: int) -> float:
        shorter = share(context[1:], character) if context else 1 / size
        seen = counts.get(context)
        return (seen[character] + len(seen) * shorter) / (seen.total() + len(seen)) if seen else shorter

    bits = [
        -math.log2(share(tuple(row[max(0, step - 3) : step + 1]), target))
        for row, targets in zip(split.test.x.tolist(), split.test.y.tolist(), strict=True)
        for step, target in enumerate(targets)
        if target >= 0
    ]
    assert score(split, "n-grams") == pytest.approx(float(np.mean(bits)), rel=1e-6)


def test_completions_are_predicted_as_in_a_plain_loop(tmp_path: Path) -> None:
    """With their end; the metric divides by characters, as that of a causal model does."""
    split = split_of("completions", tmp_path)
    stream, counts = "$", defaultdict[str, Counter[str]](Counter)
    for prompt, completion in rows_of(split.search.train.x, split.search.train.columns):
        stream += f"{prompt}{completion}$"
    for place, character in enumerate(stream):
        for length in range(min(place, 4) + 1):
            counts[stream[place - length : place]][character] += 1
    size = len(set(stream)) + 1  # and one for all unknown ones

    def share(context: str, character: str) -> float:
        shorter = share(context[1:], character) if context else 1 / size
        seen = counts.get(context)
        return (seen[character] + len(seen) * shorter) / (seen.total() + len(seen)) if seen else shorter

    bits, number = 0.0, 0
    for prompt, completion in rows_of(split.test.x, split.test.columns):
        whole = f"${prompt}{completion}$"
        for place in range(len(whole) - len(completion) - 1, len(whole)):
            bits -= math.log2(share(whole[max(0, place - 4) : place], whole[place]))
        number += len(completion)
    assert score(split, "n-grams-of-completions") == pytest.approx(bits / number, rel=1e-6)
    assert score(split, "characters-of-completions") > score(split, "n-grams-of-completions")


def test_n_grams_know_a_text_that_repeats_itself_and_expect_what_is_new() -> None:
    codes = {c: 1 + k for k, c in enumerate(sorted(set(RHYME)))}
    text = np.array([codes[c] for c in RHYME * 3])
    train = Arrays(text[None, :-1], text[None, 1:])
    search = replace(SearchData(train, train, fit(np.zeros((2, 1))), 1 + len(codes)), problem="language")
    shares = np.exp(n_grams(search, train)(Arrays(np.array([[codes["n"], codes["o"], codes["r"], 0]]), train.y)))
    assert shares.sum(-1) == pytest.approx(1) and (shares > 0).all()
    assert shares[0, 2].argmax() == codes["t"] and shares[0, 2].max() > 0.7


def test_a_class_that_was_not_drawn_has_the_least_probability() -> None:
    found = log_probabilities(np.array([[0.25, 0.75], [1.0, 0.0]]), np.array([0, 2]), 3)
    assert np.exp(found) == pytest.approx(np.array([[0.25, LEAST, 0.75], [1.0, LEAST, LEAST]]))
