"""Finds a sweep's MLflow store again: where it began, or moved and copied with the sweep's folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

from cluster.sweep.home import SweepHome
from search_spaces.types.passwords import without_password
from tracking.names import sqlite_path

PLACE: Final = "tracking_place"
"""Attribute of the study: the folder of the store's file, as a ``search_spaces.spec.place.Place``."""
VARIABLE: Final = "MLFLOW_TRACKING_URI"


def noted(home: SweepHome, uri: str) -> dict[str, str]:
    """Return what the study keeps under ``PLACE`` for the store ``uri``; empty where it is no file."""
    from search_spaces.spec.place import Place  # 100 ms: pydantic

    path = sqlite_path(uri)
    return {} if path is None else Place.of(path.parent, home.path).model_dump()


def store_now(home: SweepHome, facts: Mapping[str, Any]) -> str | None:
    """Return the address of the store that the sweep has begun to write to; None before it has.

    ``facts`` are the attributes of its study. A file that lies as it did as seen from the sweep's home comes first:
    the two were moved or copied together.
    """
    uri = (facts.get("tracking") or {}).get("uri")
    path = sqlite_path(uri) if uri else None
    if path is None:
        return str(uri) if uri else None
    found = next((folder / path.name for folder in _folders(home, facts) if (folder / path.name).is_file()), path)
    return f"sqlite:///{found}"


def _folders(home: SweepHome, facts: Mapping[str, Any]) -> Iterator[Path]:
    """Yield where the store's file may be beside where it was; an earlier version noted no place."""
    if not (place := facts.get(PLACE)):
        yield home.path.absolute().parent.parent
        return
    from search_spaces.spec.place import Place  # 100 ms: pydantic

    yield from islice(Place(**place).folders(home.path), 2)  # the third is the working folder, which may be any


def store_of(home: SweepHome, given: str | None, facts: Mapping[str, Any]) -> str:
    """Return the absolute address of the store to write to: the file begun, unless another store is named.

    ``given`` is the spec's. A file that is not named, or by a path from the working folder, stays the one that the
    sweep began with, in whatever folder it is resumed.
    """
    from tracking.store.open import DEFAULT_URI, resolve  # 95 ms: sqlite3 and MLflow's version

    known, wanted = store_now(home, facts), given or os.environ.get(VARIABLE) or DEFAULT_URI
    began, path = sqlite_path(known or ""), sqlite_path(wanted)
    if known is None or began is None or path is None or path.is_absolute() or path.name != began.name:
        return resolve(given)
    return known


def moved(home: SweepHome, uri: str, facts: Mapping[str, Any]) -> str:
    """Say that what comes now goes to another store than what came before; empty where it does not."""
    before, now = store_now(home, facts), without_password(uri)
    if before is None or without_password(before) == now:
        return ""
    return f"MLflow: this sweep's runs are in {before}; what comes is written to {now} ({VARIABLE} names a store)"
