"""Which hyperparameter matters: where the truth is known, and where nothing can be told."""

from __future__ import annotations

import math
import random
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces.samplers.catalogue import sampler
from search_spaces.samplers.history import History
from search_spaces.space.domains import Choice, Uniform
from search_spaces.space.space import Space
from search_spaces.types.objective import Objective
from search_spaces.types.problems import Goal
from search_spaces.types.values import Params
from tests.helpers.paths import ROOT
from tests.helpers.toy_race import ACCURACY
from tracking.results.compare import FEWEST_TRIALS, importance

SPACE = Space(
    {
        "lr": Uniform(1e-4, 1.0, log=True),
        "dropout": Uniform(0.0, 1.0),
        "activation": Choice(("relu", "tanh", "gelu")),
        "noise": Uniform(0.0, 1.0),
    }
)


def drawn(count: int, seed: int, space: Space = SPACE) -> list[Params]:
    return list(sampler("random", space, ACCURACY, seed).ask(History(), count, {}))


def measured(params: Params, dice: random.Random) -> float:
    """The learning rate matters most, dropout less, the activation a little, the noise not at all."""
    far = math.log10(float(params["lr"] or 1)) + 2
    return -(far**2) - float(params["dropout"] or 0) + (params["activation"] == "tanh") / 5 + dice.gauss(0, 0.1)


def told(count: int, seed: int, goal: Goal = "maximize") -> dict[str, float]:
    dice, sign = random.Random(seed), 1 if goal == "maximize" else -1
    tried = [(params, sign * measured(params, dice)) for params in drawn(count, seed)]
    return importance(SPACE, tried, Objective("val_accuracy", goal))


@pytest.mark.parametrize("goal", ["maximize", "minimize"])
def test_what_matters_most_comes_first(goal: Goal) -> None:
    sweeps = [told(40, seed, goal) for seed in range(20)]
    assert all(sum(shares.values()) == pytest.approx(1) for shares in sweeps)
    assert all(list(shares.values()) == sorted(shares.values(), reverse=True) for shares in sweeps)
    num_right = sum(next(iter(shares)) == "lr" for shares in sweeps)
    assert num_right >= 18, num_right
    assert sum(shares["noise"] for shares in sweeps) / 20 < 0.15


def test_nothing_is_told_from_few_trials_or_of_one_hyperparameter() -> None:
    assert told(FEWEST_TRIALS - 1, 0) == {}
    assert told(FEWEST_TRIALS, 0)
    alone = Space({"lr": Uniform(0.0, 1.0)})
    assert importance(alone, [(params, 1.0) for params in drawn(30, 0, alone)], ACCURACY) == {}
    assert importance(SPACE, [], ACCURACY) == {}


def test_nothing_is_told_where_all_trials_are_equal() -> None:
    assert importance(SPACE, [(params, 0.5) for params in drawn(30, 0)], ACCURACY) == {}


def test_trials_without_a_value_or_outside_of_the_space_do_not_count() -> None:
    dice = random.Random(0)
    tried = [(params, measured(params, dice)) for params in drawn(30, 0)]
    others = [({**params, "dropout": 2.0}, 99.0) for params, _ in tried]
    lost = [(params, value) for params, _ in tried for value in (None, math.nan, -math.inf)]
    assert importance(SPACE, [*others, *tried, *lost], ACCURACY) == importance(SPACE, tried, ACCURACY)


CONDITIONAL = Space(
    {"optimizer": Choice(("sgd", "adam")), "momentum": Uniform(0.0, 1.0), "lr": Uniform(0.0, 1.0)},
    {"momentum": {"optimizer": ("sgd",)}},
)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([20, 33]), st.sampled_from(["rough", "fine"]))
def test_shares_are_shares_under_conditions_too(seed: int, count: int, kind: str) -> None:
    dice = random.Random(seed)
    tried = [(params, dice.choice([0.0, 1.0]) if kind == "rough" else dice.random())
             for params in drawn(count, seed, CONDITIONAL)]  # fmt: skip
    found = importance(CONDITIONAL, tried, ACCURACY)
    assert not found or set(found) == {"optimizer", "momentum", "lr"}
    assert all(0 <= share <= 1 for share in found.values())
    assert sum(found.values()) == pytest.approx(1 if found else 0)


CODE = """
import sys
from tests.tracking.results.test_importance import told
assert told(30, 0)
print([name for name in ("sklearn", "pandas", "scipy") if name in sys.modules and name not in before])
import optuna.importance
print(optuna.importance.FanovaImportanceEvaluator(seed=0) is not None)
"""


def test_it_brings_no_heavy_library_and_leaves_optuna_whole() -> None:
    code = CODE.replace("from tests", "import pytest, hypothesis\nbefore = set(sys.modules)\nfrom tests")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "True"]
