"""Texts that are classified or scored: TF-IDF of words and pairs of words, and a linear model on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workloads.arrays import Array, Arrays
from workloads.baselines.contract import Predict, log_probabilities
from workloads.data.search_data import SearchData
from workloads.data.sentences.describe import ALONE, MARKS, rows_of

MAX_WEIGHTS = 2**26
"""Limit on the weights of the linear model, 8 bytes each: of many classes the most frequent terms are kept."""
MAX_ITER = 1000
"""Enough for the solver to converge on any texts that were tried."""
PENALTIES = (1.0, 0.1)
WORD = rf"[{ALONE}]|[^\W{ALONE}](?:[{MARKS}]|[^\W{ALONE}])+"
"""A word: two letters or more, as in scikit-learn, with marks; of a script without blanks one letter."""
MAX_ROWS = 50_000
"""Limit on the training texts."""


def tf_idf(search: SearchData, train: Arrays) -> Predict:
    """Fit logistic regression, or of numbers ridge regression, on the TF-IDF vectors of the texts.

    The two texts of a pair have vectors of their own, side by side. Settings are scikit-learn's, but for terms of
    one or two words, logarithmic counts, and enough iterations; and of two strengths of the penalty, scikit-learn's
    and a tenth of it, the one that is better on the validation rows is taken: many terms want the weaker one.
    """
    from sklearn.linear_model import LogisticRegression, Ridge

    vectors = _Vectors(search.num_outputs, train)
    x, val = vectors.fitted(), vectors.of(search.val)
    if search.problem == "regression":
        ridge = _better([Ridge(alpha=penalty) for penalty in PENALTIES], (x, train.y), (val, search.val.y))
        return lambda rows: ridge.predict(vectors.of(rows)).reshape(rows.y.shape)
    models = [LogisticRegression(C=1 / penalty, max_iter=MAX_ITER) for penalty in PENALTIES]
    model = _better(models, (x, train.y), (val, search.val.y))
    return lambda rows: log_probabilities(model.predict_proba(vectors.of(rows)), model.classes_, search.num_outputs)


def _better(models: Sequence[Any], train: tuple[Any, Array], val: tuple[Any, Array]) -> Any:
    """Return the model, fitted on ``train``, with the best accuracy or R^2 on ``val``; of equal ones the first."""
    return max((model.fit(*train) for model in models), key=lambda model: model.score(*val))


class _Vectors:
    """TF-IDF vectors of texts, or of both texts of pairs: one vocabulary for each column."""

    def __init__(self, num_outputs: int, train: Arrays) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        num_columns = train.x.shape[1]
        most = MAX_WEIGHTS // num_outputs // num_columns
        self.each = [
            TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, max_features=most, token_pattern=WORD)
            for _ in range(num_columns)
        ]
        self.train = train

    def fitted(self) -> Any:
        """Fit the vocabularies; return the sparse matrix of the training rows."""
        from scipy.sparse import hstack

        texts = _by_column(self.train)
        return hstack([each.fit_transform(cells) for each, cells in zip(self.each, texts, strict=True)]).tocsr()

    def of(self, rows: Arrays) -> Any:
        """Return the sparse matrix of further rows."""
        from scipy.sparse import hstack

        texts = _by_column(rows)
        return hstack([each.transform(cells) for each, cells in zip(self.each, texts, strict=True)]).tocsr()


def _by_column(rows: Arrays) -> list[tuple[str, ...]]:
    return list(zip(*rows_of(rows.x, rows.columns), strict=True))
