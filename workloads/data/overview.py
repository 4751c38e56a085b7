"""Describes prepared data for people: the values of each column with a small picture, and the first rows.

All of it is told of the training split alone; the test split stays locked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from workloads.arrays import Array, Arrays, Column
from workloads.data.first_features import Features, features_of_rows
from workloads.data.raw import NOT_COUNTED
from workloads.data.search_data import SearchData
from workloads.data.sources.image_records import heads, is_records
from workloads.tables.columns import CODED

NUM_BARS = 12
NUM_FIRST = 4
LEVELS = 256
"""Number of values of a pixel."""
CHANNELS: Mapping[int, Sequence[str]] = {1: ("grey",), 3: ("red", "green", "blue")}


@dataclass(frozen=True, kw_only=True)
class ColumnOverview:
    """Values of one column in the training split.

    ``low`` and ``high`` of dates are dates as text, of texts the number of characters.
    """

    name: str
    kind: str
    """Kind of a table's column; ``channel``, ``characters``, ``value`` or ``input`` of other data; ``class``."""
    missing: int = 0
    distinct: int | None = None
    """Number of different values that are not missing; None where they are not counted."""
    low: float | str | None = None
    high: float | str | None = None
    mean: float | None = None
    std: float | None = None
    """Standard deviation."""
    common: Mapping[str, int] = field(default_factory=dict)
    """Rows by word: the most frequent words first, those of an ordinal in its order."""
    picture: Literal["histogram", "counts", "course"] = "histogram"
    """Meaning of the bars: rows from ``low`` to ``high``, rows of the words in ``common``, or means over time."""
    bars: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FirstRow:
    """A training row, by its position in the source from 0, with the value of each column and the target."""

    row: int
    values: Mapping[str, Any]
    target: Any


@dataclass(frozen=True, kw_only=True)
class Overview:
    """Description of the training split's values."""

    rows: int
    """Number of rows described; of streamed data those of a sample."""
    columns: tuple[ColumnOverview, ...]
    target: ColumnOverview | None
    """The target of classes or numbers; None where what is predicted comes from the columns themselves."""
    first: tuple[FirstRow, ...]
    features: Features | None
    """What a model is given of a table's first rows with the default and the fixed values.

    None for other data, for texts, and for a training function, which is given the rows.
    """

    def to_dict(self) -> dict[str, Any]:
        """Return the description as a dict that JSON can hold."""
        return asdict(self)


@dataclass(frozen=True)
class Names:
    """Names that the data itself does not hold: of a series' columns, and of the target."""

    columns: Sequence[str]
    target: str


def overview(search: SearchData, names: Names, rows: Sequence[int], hp: Any) -> Overview:
    """Return the description; ``rows`` are the training rows' positions in the source.

    ``hp`` None: the workload prepares nothing, so that no features are shown.
    Raises Infeasible where a table cannot be prepared with the hyperparameters ``hp``.
    """
    train = search.train
    firsts = np.argsort(np.asarray(rows), kind="stable")[:NUM_FIRST]
    columns, values = _columns(search, names.columns), _values(search, names.columns, train.take(firsts))
    targets = _targets(search, train.y[firsts])
    first = tuple(
        FirstRow(row=int(rows[at]), values={name: row[i] for name, row in values.items()}, target=targets[i])
        for i, at in enumerate(firsts)
    )
    return Overview(
        rows=len(train),
        columns=tuple(columns),
        target=_target(search, names.target),
        first=first,
        features=None if hp is None else features_of_rows(hp, search, firsts),
    )


def _columns(search: SearchData, features: Sequence[str]) -> Iterator[ColumnOverview]:
    x = search.train.x
    if search.problem == "language":
        yield _words("text", "characters", x.ravel() - 1.0, tuple(search.vocabulary))
    elif search.problem == "forecast":
        for k, name in enumerate(features):
            kind = "input" if k else "value"
            yield _numbers(name, kind, x[:, :, k], picture="course", bars=_course(x[:, -1, k]))
    elif search.train.columns:
        for k, column in enumerate(search.train.columns):
            yield _column(column, x[:, k])
    elif is_records(x):
        for name, levels in zip(CHANNELS[3], heads(x)["mean"].T, strict=True):
            yield _numbers(name, "channel", levels, distinct=None)
    elif x.ndim == 4:
        for name, channel in zip(_channels(x), x.swapaxes(0, 1), strict=True):
            yield _channel(name, np.bincount(channel.ravel(), minlength=LEVELS))


def _column(column: Column, values: Array) -> ColumnOverview:
    """Describe a table's column of numbers, seconds or codes."""
    if column.kind == "text":
        lengths = np.array([*map(len, column.values)], dtype=float)
        known = values[~np.isnan(values)].astype(int)
        missing = len(values) - len(known)
        return _numbers(column.name, "text", lengths[known], missing=missing, distinct=len(np.unique(known)))
    if column.kind in CODED:
        return _words(column.name, column.kind, values, column.values, ordered=column.kind == "ordinal")
    found = _numbers(column.name, column.kind, values)
    if column.kind != "datetime" or found.low is None:
        return found
    low, high = _moment(float(found.low)), _moment(float(str(found.high)))
    return ColumnOverview(**{**vars(found), "low": low, "high": high, "mean": None, "std": None})


def _numbers(name: str, kind: str, values: Array, **facts: Any) -> ColumnOverview:
    known = values[~np.isnan(values)]
    if not len(known):
        return ColumnOverview(name=name, kind=kind, missing=values.size, distinct=0)
    low, high = float(known.min()), float(known.max())
    with np.errstate(over="ignore", invalid="ignore"):
        mean, std = _finite(known.mean()), _finite(known.std())
    told = {
        "missing": values.size - len(known),
        "distinct": len(np.unique(known)),
        "low": low,
        "high": high,
        "mean": mean,
        "std": std,
        "bars": _histogram(known, low, high),
    }
    return ColumnOverview(name=name, kind=kind, **{**told, **facts})


def _histogram(values: Array, low: float, high: float) -> tuple[float, ...]:
    """Return the number of values in each part of the range; a single bar for a constant."""
    if low == high:
        return (float(len(values)),)
    places = np.minimum((values / 2 - low / 2) / (high / 2 - low / 2) * NUM_BARS, NUM_BARS - 1)
    return tuple(np.bincount(places.astype(int), minlength=NUM_BARS).astype(float).tolist())


def _finite(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def _words(name: str, kind: str, codes: Array, values: Sequence[str], ordered: bool = False) -> ColumnOverview:
    """Describe codes of ``values``; NaN and negative ones are missing."""
    known = codes[codes >= 0].astype(int)
    counts = np.bincount(known, minlength=len(values))
    order = np.arange(len(values)) if ordered else np.argsort(-counts, kind="stable")
    common = {values[i]: int(counts[i]) for i in order[:NUM_BARS] if counts[i] or ordered}
    return ColumnOverview(
        name=name,
        kind=kind,
        missing=codes.size - len(known),
        distinct=int((counts > 0).sum()),
        common=common,
        picture="counts",
        bars=tuple(map(float, common.values())),
    )


def _channel(name: str, counts: Array) -> ColumnOverview:
    """Describe a channel of images by the number of pixels of each level."""
    levels, there = np.arange(float(LEVELS)), np.flatnonzero(counts)
    mean = float(counts @ levels / counts.sum())
    return ColumnOverview(
        name=name,
        kind="channel",
        distinct=len(there),
        low=float(there[0]),
        high=float(there[-1]),
        mean=mean,
        std=float(np.sqrt(counts @ (levels - mean) ** 2 / counts.sum())),
        bars=tuple(float(part.sum()) for part in np.array_split(counts[there[0] : there[-1] + 1], NUM_BARS)),
    )


def _course(values: Array) -> tuple[float, ...]:
    """Return the means of equal parts of a time."""
    return tuple(float(part.mean()) for part in np.array_split(values, 2 * NUM_BARS) if len(part))


def _channels(x: Array) -> Sequence[str]:
    return CHANNELS.get(x.shape[1]) or [f"channel {k}" for k in range(x.shape[1])]


def _target(search: SearchData, name: str) -> ColumnOverview | None:
    if search.classes:
        y = search.train.y
        return _words(name, "class", y[y != NOT_COUNTED], search.classes)
    if search.problem != "regression":
        return None
    return _numbers(name, "number", search.train.y)


def _values(search: SearchData, features: Sequence[str], part: Arrays) -> dict[str, list[Any]]:
    """Return the values of a few rows by column: of images the mean level, of a text or a series the window."""
    x = part.x
    if search.problem == "language":
        return {"text": [_written(row, search.vocabulary) for row in x]}
    if search.problem == "forecast":
        return {name: x[:, :, k].tolist() for k, name in enumerate(features)}
    if part.columns:
        return {column.name: [_value(cell, column) for cell in x[:, k]] for k, column in enumerate(part.columns)}
    if is_records(x):
        return dict(zip(CHANNELS[3], heads(x)["mean"].T.tolist(), strict=True))
    return dict(zip(_channels(x), x.mean(axis=(2, 3)).T.tolist(), strict=True)) if x.ndim == 4 else {}


def _targets(search: SearchData, y: Array) -> list[Any]:
    if search.problem == "tagging":
        return [" ".join(search.classes[code] for code in row if code != NOT_COUNTED) for row in y]
    if search.classes:
        return [search.classes[code] for code in y]
    if search.problem == "completion":
        return [None] * len(y)
    if search.problem == "language":
        return [_written(row, search.vocabulary) for row in y]
    return [row[0] if len(row) == 1 and search.problem == "regression" else row for row in y.tolist()]


def _value(cell: float, column: Column) -> float | str | None:
    if np.isnan(cell):
        return None
    if column.kind in CODED:
        return column.values[int(cell)]
    return _moment(cell) if column.kind == "datetime" else float(cell)


def _written(codes: Array, vocabulary: str) -> str:
    """Return the characters of codes from 1; any other character is U+FFFD."""
    return "".join(vocabulary[code - 1] if code > 0 else "\N{REPLACEMENT CHARACTER}" for code in codes)


def _moment(seconds: float) -> str:
    """Return seconds since 1970 as ``2024-02-29``, with a time of day where it is not midnight (UTC)."""
    whole = str(np.datetime64(round(seconds), "s"))
    return whole.removesuffix("T00:00:00").replace("T", " ")
