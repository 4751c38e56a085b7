"""Matrices of samplers are multiplied by one thread, beside workers that train on all cores."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from search_spaces.samplers.catalogue import sampler
from search_spaces.samplers.history import History
from search_spaces.samplers.model.model_sampler import ModelSampler
from search_spaces.samplers.points import PointSampler
from search_spaces.space.domains import Uniform
from search_spaces.space.space import Space
from search_spaces.types.values import Params
from tests.helpers.toy_race import ACCURACY


def num_threads() -> set[int]:
    assert np.eye(2).shape == (2, 2)  # a process without a matrix has no library to look at
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@pytest.mark.parametrize(
    ("method", "kind"), [("auto", ModelSampler), ("gp", ModelSampler), ("cmaes", PointSampler)]
)
def test_a_question_takes_one_thread(method: str, kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = sampler(method, Space({"x": Uniform(0, 1)}), ACCURACY, 0, (1, 3))
    found: list[set[int]] = []

    def ask(*_: object) -> list[Params]:
        found.append(num_threads())
        return []

    monkeypatch.setattr(kind, "ask", ask)
    with threadpool_limits(2, "blas"):
        assert asked.ask(History([]), 1, {}) == []
        assert (found, num_threads()) == ([{1}], {2})
