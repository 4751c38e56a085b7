"""A data set as MLflow keeps it: JSON of its source, its columns and what else is known of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

TYPES: Final[Mapping[str, str]] = {"number": "double", "date": "datetime"}
"""MLflow's types for the kinds of columns; of any other kind they are strings."""
APART: Final = ("name", "digest", "source", "columns", "features")
"""What of a data set is not in its profile: MLflow has a place for it."""
MAX_SCHEMA: Final = 65_535
"""MLflow's limit of a schema, in characters."""


def dataset_source(dataset: Mapping[str, object]) -> str:
    """Return the JSON in which MLflow keeps a data set's source."""
    return json.dumps({"uri": str(dataset.get("source", dataset["name"]))})


def dataset_profile(dataset: Mapping[str, object]) -> str:
    """Return the JSON in which MLflow keeps the other facts about a data set, without those that are empty."""
    known = {key: value for key, value in dataset.items() if key not in APART}
    return json.dumps({key: value for key, value in known.items() if value not in ([], {}, (), None)})


def dataset_schema(dataset: Mapping[str, object]) -> str | None:
    """Return the JSON of MLflow's schema: the columns with their kinds, or of an array its shape.

    None where neither is known, or the columns are more than MLflow keeps.
    """
    columns = _mapping(dataset.get("columns")) or dict.fromkeys(_list(dataset.get("features")), "number")
    if columns:
        kinds = [
            {"name": name, "type": TYPES.get(kind, "string"), "required": True} for name, kind in columns.items()
        ]
        told = json.dumps({"mlflow_colspec": kinds})
        return told if len(told) <= MAX_SCHEMA else None
    if shape := _list(dataset.get("shape")):
        tensor = {"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, *shape]}}
        return json.dumps({"mlflow_tensorspec": {"features": [tensor], "targets": None}})
    return None


def _mapping(value: Any) -> dict[str, str]:
    return dict(value) if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []
