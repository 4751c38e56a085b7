"""Every hyperparameter is documented where it is declared; the reference of docs/ is made from that."""

from __future__ import annotations

import pytest

from search_spaces.space.hyperparameters import hyperparameters
from workloads.registry import WORKLOADS, workload


@pytest.mark.parametrize("name", WORKLOADS)
def test_each_has_a_meaning_and_a_range(name: str) -> None:
    for known in hyperparameters(workload(name).hyperparameters).values():
        assert len(known.doc) > 5, known.name
        assert known.fault(known.default) is None, known.name
        if known.type in (int, float):
            assert known.low is not None, f"{known.name} may be any number"
