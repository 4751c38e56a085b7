"""The benchmark of search quality runs on a table of our own, so that it is known to fit the code."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from search_spaces.race.contract import Rules
from search_spaces.space.domains import Uniform
from search_spaces.space.space import Space
from search_spaces.types.values import Params
from tests.benchmarks import table_peers
from tests.benchmarks.ablations import PARTS, without
from tests.benchmarks.curve_clock import BUDGETS, run
from tests.benchmarks.curves import ACCURACY, EPOCHS
from tests.benchmarks.search_methods import Problem, method
from tests.benchmarks.search_quality import geometric, interval
from tests.benchmarks.table_peers import evaluation, problem
from tests.benchmarks.tables import FEW, Table, Way, load, search


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    """All 64 rows of three numbers; the best is in the middle, and two training seeds differ a little."""
    rows = list(itertools.product((16, 32, 64, 128), (1, 2, 3, 4), (0.1, 0.2, 0.3, 0.4)))
    frame = pd.DataFrame(rows, columns=["batch_size", "depth", "lr"])
    value = 1 - 0.1 * (frame.depth - 3).abs() - (frame.lr - 0.3).abs() - 0.01 * (frame.batch_size != 64)
    for seed in range(2):
        frame[f"value_{seed}"] = value + 0.001 * seed
    path = tmp_path_factory.mktemp("table") / "hpobench-small.parquet"
    frame.to_parquet(path)
    return load(path)


def test_a_search_over_a_table_comes_near_its_best_alone_and_in_cohorts(table: Table) -> None:
    """Long trials are asked for one by one, unless they are one program."""
    usual = Way("default", None, Rules.fill, num_lanes=1)
    ways = [Way("alone", 1, 0.0), usual, replace(usual, fused=not usual.fused)]
    found = [search(table, FEW["hpobench"], way, trials=40, seed=0) for way in ways]
    assert all(one.num_trials == 40 and 0 <= one.regret <= 0.1 for one in found[:2])
    together, apart = sorted(one.num_legs for one in found[1:])
    assert together < 36 < apart <= found[0].num_legs == 40 and (found[1].num_legs == together) == usual.fused


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


def test_ratios_and_their_intervals(table: Table) -> None:
    base = np.random.default_rng(0).uniform(0.1, 1.0, (3, 30))
    assert geometric(2 * base, base) == pytest.approx(2)
    low, high = interval(geometric, 2 * base, base)
    assert low < 2 < high


@pytest.mark.parametrize("name", ["auto/none", "optuna-tpe"])
def test_all_methods_begin_with_one_configuration_and_are_judged_by_the_true_mean(table: Table, name: str) -> None:
    of = problem(table, 3)
    seen = []
    searching = method(name, of)
    for _ in range(20):
        work = searching.next()
        assert work is not None
        seen.append(work.params)
        searching.reported(work, 1, evaluation(table, False, 3)(work.params))
    assert seen[0] == of.first
    assert min(map(table.regret, seen)) < 0.2


def test_a_noisy_evaluation_is_a_seed_of_its_own_each_time(table: Table) -> None:
    params = problem(table, 0).first
    trained = evaluation(table, True, 0)
    assert {trained(params), trained(params)} == {float(x) for x in table.values(params)}
    assert evaluation(table, False, 0)(params) == table.mean(params)


def test_a_part_that_is_taken_out_of_auto_is_back_afterwards() -> None:
    for part, (owner, attribute, instead) in PARTS.items():
        before = getattr(owner, attribute)
        with without(f"auto~{part}/asha") as name:
            assert name == "auto/asha" and getattr(owner, attribute) == instead != before
        assert getattr(owner, attribute) == before


def test_the_table_of_results_has_the_ratio_to_the_best_peer() -> None:
    def row(name: str, table: str, regret: float) -> dict[str, Any]:
        shared = {"noise": False, "seed": 0, "floor": 0.0, "cpu_s": 1.0}
        return {**shared, "method": name, "table": table, "regrets": [regret] * 3}

    each = {"auto/none": (1.0, 2.0), "optuna-tpe": (4.0, 4.0), "optuna-gp": (2.0, 50.0)}
    rows = [row(name, table, x) for name, found in each.items() for table, x in zip("ab", found, strict=True)]
    lines = table_peers.markdown([*rows, row("optuna-autosampler", "b", 1.0)]).splitlines()
    assert "| mean | 40 | `optuna-autosampler` | 1.4 | 2 | 1 | 1.0 | 1 |" in lines
    assert "| mean | 40 | `auto/none` / `optuna-autosampler` | 1.00 | 0.50 | 2.00 | | |" in lines


class _Line:
    """Curves that rise by ``x`` an epoch; the best of all has an x of 1."""

    task = "1"

    def curve(self, params: Params) -> np.ndarray:
        return float(str(params["x"])) * np.arange(1, EPOCHS + 1)

    def regret(self, params: Params) -> float:
        return 1 - float(str(params["x"]))


@pytest.mark.parametrize("num_lanes", [1, 4])
def test_the_clock_counts_each_epoch_once_and_stops_at_the_last_budget(num_lanes: int) -> None:
    of = Problem(Space({"x": Uniform(0, 1)}), ACCURACY, EPOCHS, {"x": 0.25}, 0, num_lanes)
    found = run(_Line(), method("random/asha", of), of, 0.0)  # type: ignore[arg-type]
    assert len(found.regrets) == len(BUDGETS) and found.regrets == sorted(found.regrets, reverse=True)
    assert found.regrets[-1] < 0.1 and found.lane_use > 0.99
    full = run(_Line(), method("optuna-random", of), of, 0.0)  # type: ignore[arg-type]
    assert full.num_trials == BUDGETS[-1] + num_lanes - 1
