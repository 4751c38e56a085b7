"""Rows that registered models were trained on: a sweep that starts from one must not be tested on them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from cluster.sweep.mlflow_models.pinned import registered_models
from workloads.arrays import SPLITS, DataError

if TYPE_CHECKING:
    from cluster.sweep.data_process import Loaded
    from search_spaces.spec.sweep import Sweep

Splits = Mapping[str, Any]
"""A sweep's ``card`` and the ``indices`` of each split's rows in its source, as MLflow keeps them."""


def with_trained_rows(sweep: Sweep, loaded: Loaded) -> Loaded:
    """Return ``loaded`` whose card tells each leak by a model that the sweep starts from.

    A champion whose splits MLflow cannot give is a note; of models that no sweep made nothing is known, or told.
    Raises DataError for a leak where ``data.strict`` allows none.
    """
    uris = registered_models(sweep)
    if not uris or not loaded.card:
        return loaded
    leaks: list[str] = []
    notes: list[str] = []
    for uri in uris:
        found = _splits(sweep, uri)
        if isinstance(found, str):
            notes.append(f"whether {uri} was trained on rows of the test split isn't known: {found}")
        elif found is not None:
            leaks += _leaks(uri, found, loaded, own_test=sweep.data.test is not None)
    if leaks and sweep.data.strict:
        raise DataError(f"data.strict: true allows no leak, received {len(leaks)}: {'; '.join(leaks)}")
    card = dict(loaded.card)
    card |= {"leaks": (*card.get("leaks", ()), *leaks), "notes": (*card.get("notes", ()), *notes)}
    return replace(loaded, card=card)


def _leaks(uri: str, earlier: Splits, loaded: Loaded, own_test: bool) -> Iterator[str]:
    """Yield a leak where the model has learned from rows of the test split, unless that has a file of its own."""
    if own_test or _source(earlier["card"]) != _source(loaded.card):
        return
    test = set(loaded.indices["test"])
    seen = test & _learned(earlier["indices"])
    if seen:
        yield (
            f"{len(seen)} of the {len(test)} test rows are rows that {uri} was trained on or chosen by, as its "
            "sweep divided the same data otherwise: give data.split as it had it, or another file as data.test"
        )


def _source(card: Mapping[str, Any]) -> tuple[str, int]:
    """Return the name of the source, without its folder, and the number of its rows."""
    return PurePath(card["name"]).name, sum(card["rows"][name] for name in SPLITS)


def _learned(indices: Mapping[str, Sequence[int]]) -> set[int]:
    """Return the rows of training, and of validation unless that has a file, and so row numbers, of its own."""
    train, val = set(indices["train"]), set(indices["val"])
    return train if train & val else train | val


def _splits(sweep: Sweep, uri: str) -> Splits | str | None:
    """Return the splits of the sweep that made the model, None if none did, or why they are not known."""
    from tracking.results.model_files import splits_of  # 20 ms, and where it looks 2,000 ms: MLflow
    from tracking.results.versions import UnknownModel, version_of
    from tracking.store.errors import Away, Refused  # 20 ms

    try:
        text = splits_of(sweep.tracking.uri, version_of(sweep.tracking.uri, uri))
    except (UnknownModel, Away, Refused) as error:
        return str(error)
    if text is None:
        return None
    found: Splits = json.loads(text)
    return found
