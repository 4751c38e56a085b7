"""The benchmark of search quality runs on a table of our own, so that it is known to fit the code."""

from __future__ import annotations

import itertools
from pathlib import Path

import pandas as pd
import pytest

from search_spaces.race.contract import Rules
from tests.benchmarks.search_quality import geometric, interval
from tests.benchmarks.tables import FEW, Table, Way, load, search


@pytest.fixture
def table(tmp_path: Path) -> Table:
    """All 64 rows of three numbers; the best is in the middle, and two training seeds differ a little."""
    rows = list(itertools.product((16, 32, 64, 128), (1, 2, 3, 4), (0.1, 0.2, 0.3, 0.4)))
    frame = pd.DataFrame(rows, columns=["batch_size", "depth", "lr"])
    value = 1 - 0.1 * (frame.depth - 3).abs() - (frame.lr - 0.3).abs() - 0.01 * (frame.batch_size != 64)
    for seed in range(2):
        frame[f"value_{seed}"] = value + 0.001 * seed
    path = tmp_path / "hpobench-small.parquet"
    frame.to_parquet(path)
    return load(path)


@pytest.mark.parametrize(
    "way", [Way("alone", 1, 0.0), Way("default", None, Rules.fill, num_lanes=1)], ids=lambda way: way.label
)
def test_a_search_over_a_table_comes_near_its_best(table: Table, way: Way) -> None:
    found = search(table, FEW["hpobench"], way, trials=40, seed=0)
    assert found.num_trials == 40
    assert (found.num_legs == 40) == (way.width == 1)
    assert 0 <= found.regret <= 0.1


def test_long_trials_are_asked_for_one_by_one_unless_they_are_one_program(table: Table) -> None:
    ways = [Way("default", None, Rules.fill, num_lanes=1, fused=fused) for fused in (True, False)]
    together, apart = (search(table, FEW["hpobench"], way, trials=40, seed=0).num_legs for way in ways)
    assert together < 36 < apart


def test_ratios_and_their_intervals(table: Table) -> None:
    import numpy as np

    base = np.random.default_rng(0).uniform(0.1, 1.0, (3, 30))
    assert geometric(2 * base, base) == pytest.approx(2)
    low, high = interval(geometric, 2 * base, base)
    assert low < 2 < high
