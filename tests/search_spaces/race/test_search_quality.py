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


def test_a_seed_that_a_table_lacks_is_no_divergence(tmp_path: Path) -> None:
    """The best row by far lacks its last seed, as half of NAS-Bench-201's do."""
    frame = pd.DataFrame(itertools.product("ab", (1, 2, 3)), columns=["op0", "op1"])
    frame["value_0"], frame["value_1"] = [9.0, 1, 2, 3, 4, 5], [None, 1.5, 2.5, 3.5, 4.5, 6.5]
    frame.to_parquet(tmp_path / "nasbench201-small.parquet")
    table = load(tmp_path / "nasbench201-small.parquet")

    assert table.best == 9 and table.regret({"op0": "a", "op1": 0}) == 0
    assert table.regret({"op0": "b", "op1": 2}) == 9 - 5.75
    assert [table.value({"op0": "a", "op1": 0}, seed) for seed in range(3)] == [9, 9, 9]
    assert [table.value({"op0": "b", "op1": 2}, seed) for seed in range(3)] == [5, 6.5, 5]
    found = search(table, (), Way("alone", 1, 0.0), trials=6, seed=1)
    assert found.regret == 0


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
