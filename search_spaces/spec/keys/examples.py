"""Examples of groups of keys, in place of which a value was written: what that means, where it is clear."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from search_spaces.spec.other_tools.names import metric
from search_spaces.spec.yaml_document import flow, plain
from search_spaces.types.faults import nearest
from search_spaces.types.problems import COSTS, METRICS

_BOUND: Final = re.compile(r"\s*([\w.]+)\s*(<=|>=|<|>)\s*(\S+)\s*")
_METRICS: Final = [*dict.fromkeys(name for of in METRICS.values() for name in of), *COSTS]


def example(key: str, value: Any) -> str | None:
    """Return the group under ``key`` that ``value`` means, else an example of one; None where none is known."""
    if key not in _SUCH_AS:
        return None
    usual, read = _SUCH_AS[key]
    return flow(read(value) or usual)


def _number(name: str, kinds: tuple[type, ...] = (int, float)) -> Callable[[Any], dict[str, Any] | None]:
    return lambda value: {name: value} if type(value) in kinds and value > 0 else None


def _metric(value: Any) -> dict[str, Any] | None:
    name = (value if value in _METRICS else metric(value) or nearest(value, _METRICS)) if _text(value) else None
    return {"name": name} if name else None


def _bound(value: Any) -> dict[str, Any] | None:
    found = _BOUND.fullmatch(value) if _text(value) else None
    limit = plain(found[3]) if found else None
    if found is None or isinstance(limit, bool) or not isinstance(limit, int | float):
        return None
    return {"metric": metric(found[1]) or found[1], "max" if "<" in found[2] else "min": limit}


def _data(value: Any) -> dict[str, Any] | None:
    if not _text(value):
        return None
    end = value.rpartition(".")[2].lower()
    key = end if end in ("csv", "parquet") else "folder" if "/" in value else "name"
    return {key: value, **({"target": "COLUMN"} if key in ("csv", "parquet") else {})}


def _tracking(value: Any) -> dict[str, Any] | None:
    return {"uri" if "://" in value else "experiment": value} if _text(value) else None


def _storage(value: Any) -> dict[str, Any] | None:
    if not _text(value):
        return None
    return {"study" if value.startswith(("postgres", "mysql", "sqlite")) else "checkpoints": value}


def _text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 60


_SUCH_AS: Final[Mapping[str, tuple[dict[str, Any], Callable[[Any], dict[str, Any] | None]]]] = {
    "budget": ({"epochs": 500}, _number("epochs", (int,))),
    "constraints": ({"metric": "latency_ms", "max": 5}, _bound),
    "cost_per_hour": ({"cpu": 0.04, "gpu": 2.5}, _number("cpu")),
    "data": ({"name": "digits"}, _data),
    "early_terminate": ({"type": "asha"}, lambda value: {"type": value} if _text(value) else None),
    "final": ({"top": 3, "seeds": 5}, lambda value: {"top": value, "seeds": 5} if type(value) is int else None),
    "metric": ({"name": "val_accuracy"}, _metric),
    "metrics": ({"name": "val_accuracy"}, _metric),
    "repeats": ({"seeds": 3}, _number("seeds", (int,))),
    "resources": ({"cpus": 2}, _number("cpus")),
    "stop_when": ({"no_improvement": 30}, _number("no_improvement", (int,))),
    "storage": ({"checkpoints": "s3://BUCKET/PREFIX"}, _storage),
    "tracking": ({"experiment": "NAME"}, _tracking),
}
"""An example of each group, by the first part of its path, and what reads one from a value in its place."""
