"""Reads the metrics that users' code reports: any kind of number, under any name that can be kept."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from search_spaces.criteria.metric_names import EPOCH, LOCKED_TEST, fault_of, is_of_test

Purpose = Literal["search", "final"]
"""Whether a training is of the search, or of the final evaluation."""
MAX_SHOWN = 60
"""Characters of a value in a message."""


def numbers(metrics: Mapping[str, Any], objective: str, purpose: Purpose) -> dict[str, float]:
    """Return the metrics as Python's floats, without ``epoch``, which is the number of the report.

    Python's, NumPy's and torch's numbers are taken, and arrays of one; also NaN and infinities, which show
    divergence. Raises ValueError, with a sentence that names every fault.
    """
    found: dict[str, float] = {}
    faults = []
    for name, value in metrics.items():
        if name == EPOCH:
            continue
        try:
            found[name] = number(value)
        except ValueError as error:
            faults.append(f"{name} {error}")
        faults += [f"{name} {fault}" for fault in _faults_of(name, objective, purpose)]
    if faults:
        raise ValueError(f"metrics that cannot be reported: {'; '.join(faults)}")
    return found


def number(value: Any) -> float:
    """Return a number of any library as a float. Raises ValueError, whose text is the broken rule."""
    if isinstance(value, str | bytes) or value is None:
        raise ValueError(f"must be a number, received {_shown(value)}")
    shape = getattr(value, "shape", ())
    if math.prod(shape) != 1:
        raise ValueError(f"must be one number, received {type(value).__name__} of the shape {tuple(shape)}")
    try:
        return float(value.item() if hasattr(value, "item") else value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"must be a number, received {_shown(value)}") from error


def _faults_of(name: str, objective: str, purpose: Purpose) -> Iterator[str]:
    if purpose == "search" and is_of_test(name):
        yield f"{LOCKED_TEST}; report it only where run.purpose == 'final'"
    elif fault := fault_of(name, objective):
        yield fault


def _shown(value: Any) -> str:
    text = repr(value)
    return f"{text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + '...'} ({type(value).__name__})"
