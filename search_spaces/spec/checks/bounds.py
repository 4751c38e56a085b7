"""Checks limits of metrics that lie between bounds: one beyond these is met by no trial, or by every one."""

from __future__ import annotations

import math
from collections.abc import Sequence

from search_spaces.spec.schema import ConstraintFile, SpecFile
from search_spaces.spec.yaml_document import Document, Path
from search_spaces.types.faults import shown
from search_spaces.types.problems import ALIASES, BOUNDS


def check_constraint_bounds(document: Document, given: Sequence[ConstraintFile]) -> None:
    """Note a fault for each limit of a constraint that its metric cannot reach."""
    for number, one in enumerate(given):
        name = ALIASES.get(one.metric, one.metric)
        for key, limit in (("min", one.min), ("max", one.max)):
            if limit is not None:
                _check(document, ("constraints", number, key), name, limit)


def check_target(document: Document, name: str, target: float | None) -> None:
    """Note a fault for a target that no trial reaches, or that every one does."""
    if target is not None:
        _check(document, ("metric", "target"), name, target)


def check_regret(document: Document, spec: SpecFile, name: str) -> None:
    """Note a fault for a regret that is larger than all differences of the metric."""
    limit = spec.stop_when.regret_below if spec.stop_when else None
    low, high = BOUNDS.get(name, (-math.inf, math.inf))
    if limit is not None and limit >= high - low:
        rule = f"must be below {high - low:g}: {_lies(name)}, so that no trial is better by more"
        document.fault(("stop_when", "regret_below"), rule, shown(limit), _share(name, limit))


def _check(document: Document, path: Path, name: str, limit: float) -> None:
    low, high = BOUNDS.get(name, (-math.inf, math.inf))
    if not low <= limit <= high:
        document.fault(path, f"is met by every trial or by none: {_lies(name)}", shown(limit), _share(name, limit))


def _lies(name: str) -> str:
    low, high = BOUNDS[name]
    if math.isinf(high):
        return f"{name} is never below {low:g}"
    return f"{name} lies between {low:g} and {high:g}" if math.isfinite(low) else f"{name} is never above {high:g}"


def _share(name: str, limit: float) -> str | None:
    """Return a limit that is meant in percent as a share."""
    return f"{limit / 100:.12g}" if BOUNDS[name] == (0, 1) and 1 < limit <= 100 else None
