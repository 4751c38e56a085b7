"""The baselines of all kinds of data: a new one is one function and one row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from search_spaces.types.problems import PINBALL, DataKind, Problem
from workloads.baselines import characters, completions, constants, images, sentences, series, tables, words
from workloads.baselines.contract import Baseline, kind_of
from workloads.data.search_data import SearchData

PERCENT: Mapping[str, int] = {name.removeprefix("val_"): round(100 * share) for name, share in PINBALL.items()}
"""Quantiles that a metric judges, in percent, by the metric."""


def _on(
    kind: DataKind, *problems: Problem, metrics: Sequence[str] = (), but: Sequence[str] = ()
) -> Callable[[SearchData, str], bool]:
    serve = [_problem(problem, *metrics, but=but) for problem in problems]
    return lambda search, metric: kind_of(search) == kind and any(one(search, metric) for one in serve)


def _problem(problem: Problem, *metrics: str, but: Sequence[str] = ()) -> Callable[[SearchData, str], bool]:
    """Return whether it is this problem, judged by one of ``metrics`` if there are any, and by none of ``but``."""

    def serves(search: SearchData, metric: str) -> bool:
        return search.problem == problem and (not metrics or metric in metrics) and metric not in but

    return serves


BASELINES: Sequence[Baseline] = (
    Baseline(
        key="majority",
        name="majority class",
        serves=_problem("classification", but=["loss"]),
        fit=constants.frequencies,
        trained=False,
    ),
    Baseline(
        key="frequencies",
        name="class frequencies",
        serves=_problem("classification", "loss"),
        fit=constants.frequencies,
        trained=False,
    ),
    Baseline(
        key="mean",
        name="mean of the training targets",
        serves=_problem("regression", but=["mae", *PERCENT]),
        fit=constants.mean,
        trained=False,
    ),
    Baseline(
        key="median",
        name="median of the training targets",
        serves=_problem("regression", "mae"),
        fit=constants.median,
        trained=False,
    ),
    *(
        Baseline(
            key=f"quantile-{percent}",
            name=f"{percent} % quantile of the training targets",
            serves=_problem("regression", metric),
            fit=partial(constants.quantile, percent / 100),
            trained=False,
        )
        for metric, percent in PERCENT.items()
    ),
    Baseline(
        key="seasonal",
        name="seasonal naive forecast",
        serves=_problem("forecast"),
        fit=constants.seasonal,
        trained=False,
    ),
    Baseline(
        key="last-value",
        name="last value",
        serves=lambda search, _: search.problem == "forecast" and search.season > 1,
        fit=constants.last_value,
        trained=False,
    ),
    Baseline(
        key="characters",
        name="character frequencies",
        serves=_problem("language"),
        fit=constants.frequencies,
        trained=False,
    ),
    Baseline(
        key="majority-label",
        name="majority label",
        serves=_problem("tagging", but=["loss"]),
        fit=words.majority,
        trained=False,
    ),
    Baseline(
        key="label-frequencies",
        name="label frequencies",
        serves=_problem("tagging", "loss"),
        fit=words.majority,
        trained=False,
    ),
    Baseline(
        key="labels-of-words",
        name="most frequent label of each word",
        serves=_on("tagged", "tagging"),
        fit=words.labels_of_words,
    ),
    Baseline(
        key="tf-idf",
        name="TF-IDF + logistic regression",
        serves=_on("sentences", "classification"),
        fit=sentences.tf_idf,
        max_rows=sentences.MAX_ROWS,
    ),
    Baseline(
        key="tf-idf-ridge",
        name="TF-IDF + ridge regression",
        serves=_on("sentences", "regression"),
        fit=sentences.tf_idf,
        max_rows=sentences.MAX_ROWS,
    ),
    Baseline(
        key="boosted-trees",
        name="gradient boosting (HistGradientBoosting)",
        serves=_on("table", "classification", "regression", but=list(PERCENT)),
        fit=tables.boosted_trees,
        max_outputs=tables.MAX_OUTPUTS,
    ),
    *(
        Baseline(
            key=f"boosted-trees-quantile-{percent}",
            name=f"gradient boosting of the {percent} % quantile (HistGradientBoosting)",
            serves=_on("table", "regression", metrics=[metric]),
            fit=partial(tables.boosted_trees, loss="quantile", quantile=percent / 100),
            max_outputs=tables.MAX_OUTPUTS,
        )
        for metric, percent in PERCENT.items()
    ),
    Baseline(
        key="pixels",
        name="logistic regression on pixels",
        serves=_on("image", "classification"),
        fit=images.linear,
        max_rows=images.MAX_ROWS,
        max_numbers=images.MAX_ROWS * images.MAX_PIXELS,
    ),
    Baseline(
        key="pixels-ridge",
        name="ridge regression on pixels",
        serves=_on("image", "regression"),
        fit=images.linear,
        max_rows=images.MAX_ROWS,
        max_numbers=images.MAX_ROWS * images.MAX_PIXELS,
    ),
    Baseline(
        key="autoregression",
        name="linear autoregression",
        serves=_on("series", "forecast"),
        fit=series.autoregression,
    ),
    Baseline(
        key="n-grams",
        name=f"{characters.ORDER}-grams of characters",
        serves=_on("text", "language"),
        fit=characters.n_grams,
    ),
    Baseline(
        key="characters-of-completions",
        name="character frequencies",
        serves=_problem("completion"),
        fit=completions.frequencies,
        trained=False,
    ),
    Baseline(
        key="n-grams-of-completions",
        name=f"{characters.ORDER}-grams of characters",
        serves=_problem("completion"),
        fit=completions.n_grams,
        max_rows=completions.MAX_ROWS,
    ),
)
"""In the order in which they are shown: what needs no model comes first."""


def baselines_of(search: SearchData, metric: str) -> list[Baseline]:
    """Return the baselines for these data and a metric (without ``val_``); none where code brings its own data."""
    return [row for row in BASELINES if search.given and row.serves(search, metric)]
