"""What earlier trials measured besides their objective, as their study has it or else MLflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cluster.sweep.reading import Reading
from cluster.sweep.shared_storage import given
from search_spaces.criteria.constraints import Criteria
from search_spaces.criteria.measures import Measures
from search_spaces.study.contract import Record
from tracking.store.errors import Away, Refused

Epochs = Mapping[int, Mapping[str, float]]
"""Metrics by epoch."""


def recorded(read: Reading, records: Sequence[Record], criteria: Criteria) -> tuple[list[Epochs], str]:
    """Return what each trial measured of the ``criteria``, and why MLflow cannot be asked (empty: it can).

    A study holds only what decided in its own sweep; of anything else a trial's run in MLflow tells.
    """
    told, why = dict[int, Epochs](), ""
    if missing := [
        name for name in criteria.names if name not in (read.sweep.metric.name, *read.sweep.criteria.names)
    ]:
        try:
            told = _in_mlflow(read, missing)
        except (Away, Refused, FileNotFoundError) as error:
            why = str(error)
    return [completed(record, told.get(record.number, {}), criteria) for record in records], why


def completed(record: Record, told: Epochs, criteria: Criteria) -> Epochs:
    """Return what a trial measured of the ``criteria``: as its study has it, and beside that as it was ``told``."""
    known, found = record.measured, Measures(criteria)
    for epoch in sorted(known.keys() | told.keys()):
        found.record(epoch, {**told.get(epoch, {}), **known.get(epoch, {})})
    return found.by_epoch


def _in_mlflow(read: Reading, names: Sequence[str]) -> dict[int, Epochs]:
    from tracking.writer.told import of_mlflow  # 90 ms: sqlite3 and MLflow's version

    noted = read.facts.tracking.get("uri") or read.sweep.tracking.uri
    uri = given(noted, "MLFLOW_TRACKING_URI") if noted else None
    found = of_mlflow(uri, read.home.id, read.sweep.metric.name, names)
    return {one.number: one.epochs for one in found.values() if one.role == "trial"}
