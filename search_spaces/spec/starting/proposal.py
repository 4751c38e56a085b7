"""What a new spec proposes: data, problem, hyperparameters that are fixed, and notes for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from search_spaces.spec.starting.example_data import ExampleData, example_data
from search_spaces.types.catalogue import WorkloadInfo
from search_spaces.types.problems import DataKind, Goal, Problem, metrics_of
from search_spaces.types.values import Value


@dataclass(frozen=True)
class Proposal:
    """Data of one kind with the problem on it; ``notes`` are lines of comment above the data."""

    kind: DataKind
    problem: Problem
    data: ExampleData
    notes: tuple[str, ...] = ()
    fixed: Mapping[str, Value] = field(default_factory=dict)

    @classmethod
    def example(
        cls, workload: WorkloadInfo, kind: DataKind, fixed: Mapping[str, Value] = MappingProxyType({})
    ) -> Proposal:
        """Return example data of ``kind`` for the workload."""
        problem = workload.problems[kind][0]
        return cls(kind, problem, example_data(kind, problem), (_OTHERS[kind],), fixed)

    def metrics(self, workload: WorkloadInfo) -> Mapping[str, Goal]:
        """Return the metrics that may be the sweep's, the default first."""
        others = [problem for problem in workload.problems[self.kind] if problem != self.problem]
        if "name" in self.data.spec and others and self.problem == workload.problems[self.kind][0]:
            return workload.metrics(self.kind)
        return {**workload.reports, **metrics_of([self.problem])}


_OTHERS: Mapping[DataKind, str] = {
    "table": "or {csv: PATH, target: COLUMN}, or {parquet: PATH, target: COLUMN}",
    "image": "or {folder: PATH} with a folder for each class, or {parquet: PATH, image: COLUMN, target: COLUMN}",
    "text": "or another file, and window: 64, the characters that a model sees",
    "sentences": "or {csv: PATH, target: COLUMN, text: COLUMN}, two columns, or {documents: FOLDER}",
    "completions": "or {jsonl: PATH, prompt: COLUMN, completion: COLUMN}; {parquet: PATH, ...} as well",
    "tagged": "or another CoNLL file; text: c0 and target: c1 name its columns of words and labels",
    "series": "or another file, and horizon: 1, the values that are forecast at once",
}


def narrowed(space: Mapping[str, Any], fixed: Mapping[str, Value]) -> dict[str, Any]:
    """Return a space, in the form of a spec's ``parameters``, without those that are fixed.

    What exists only under another value of a fixed one is left out; under that value it always exists.
    """
    found: dict[str, Any] = {}
    for name, domain in space.items():
        when = dict(domain.get("when", {})) if isinstance(domain, Mapping) else {}
        if name in fixed or any(fixed[parent] not in _listed(when[parent]) for parent in when if parent in fixed):
            continue
        rest = {parent: values for parent, values in when.items() if parent not in fixed}
        if when:
            plain = {key: value for key, value in domain.items() if key != "when"}
            domain = {**plain, **({"when": rest} if rest else {})}
        found[name] = domain
    return found


def _listed(values: Any) -> list[Any]:
    return values if isinstance(values, list) else [values]
