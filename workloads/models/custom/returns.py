"""What a user's ``predict`` may return, and its declaration: the function's attribute ``returns``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, cast

from search_spaces.types.faults import did_you_mean
from search_spaces.types.problems import Problem
from workloads.arrays import DataShape, Infeasible

Kind = Literal["probabilities", "logits", "classes", "values"]
OF_PROBLEM: Mapping[Problem, tuple[Kind, ...]] = {
    "classification": ("probabilities", "logits", "classes"),
    "regression": ("values",),
}
"""What may be returned, by problem; a single kind needs no declaration."""
KINDS = tuple(kind for kinds in OF_PROBLEM.values() for kind in kinds)
TAKES = ("arrays", "rows")
"""What ``predict`` may take: arrays as ``run.x_train``, or a table's rows as a DataFrame, as ``run.rows``."""


def takes_rows(name: str, predict: Callable[..., Any] | None) -> bool:
    """Return whether ``predict`` of workload ``name`` declares that it takes rows. Raises LookupError."""
    return _attribute(name, predict, "takes", TAKES) == "rows"


def declared(name: str, predict: Callable[..., Any] | None) -> Kind | None:
    """Return what workload ``name`` declares; None where it leaves that to the values. Raises LookupError."""
    return cast("Kind | None", _attribute(name, predict, "returns", KINDS))


def _attribute(name: str, predict: Callable[..., Any] | None, attribute: str, known: Sequence[str]) -> str | None:
    """Return the attribute of ``predict``, one of the ``known`` words; None where it has none."""
    found: str | None = getattr(predict, attribute, None)
    if found not in (None, *known):
        rule = f"must be one of {', '.join(known)}, received {found!r}{did_you_mean(found, known)}"
        raise LookupError(f"{name!r}: predict.{attribute} {rule}")
    return found


def check(kind: Kind | None, as_rows: bool, shape: DataShape) -> None:
    """Raise Infeasible where the declared ``kind`` does not fit the problem, or the data have no rows to take."""
    if as_rows and len(shape.example) != 1:
        raise Infeasible("predict.takes is 'rows', and the data is no table")
    problem = shape.problem
    able = OF_PROBLEM[problem]
    if kind not in (None, *able):
        raise Infeasible(f"predict.returns is {kind!r}, and {problem} needs {' or '.join(map(repr, able))}")
