"""What a user's ``predict`` may return, and its declaration: the function's attribute ``returns``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, cast

from search_spaces.types.faults import nearest
from search_spaces.types.problems import Problem
from workloads.arrays import Infeasible

Kind = Literal["probabilities", "logits", "classes", "values"]
OF_PROBLEM: Mapping[Problem, tuple[Kind, ...]] = {
    "classification": ("probabilities", "logits", "classes"),
    "regression": ("values",),
}
"""What may be returned, by problem; a single kind needs no declaration."""
KINDS = tuple(kind for kinds in OF_PROBLEM.values() for kind in kinds)


def declared(name: str, predict: Callable[..., Any] | None) -> Kind | None:
    """Return what workload ``name`` declares; None where it leaves that to the values. Raises LookupError."""
    found = getattr(predict, "returns", None)
    if found not in (None, *KINDS):
        close = nearest(found, KINDS)
        hint = f", did you mean {close}?" if close else ""
        raise LookupError(f"{name!r}: predict.returns must be one of {', '.join(KINDS)}, received {found!r}{hint}")
    return cast("Kind | None", found)


def check(kind: Kind | None, problem: Problem) -> None:
    """Raise Infeasible where the declared ``kind`` does not fit the problem."""
    able = OF_PROBLEM[problem]
    if kind not in (None, *able):
        raise Infeasible(f"predict.returns is {kind!r}, and {problem} needs {' or '.join(map(repr, able))}")
