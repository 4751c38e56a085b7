"""A grid over ranges: by ``count`` the values that the scale has evenly, and no other sampler takes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from search_spaces.race.search import Search
from search_spaces.simulation.clock import World, simulate
from search_spaces.space.domains import Int, Uniform
from search_spaces.spec import stored
from search_spaces.spec.sweep import Sweep, parse_sweep
from tests.helpers.spec_cases import refusal
from tests.helpers.spec_catalogue import CATALOGUE, Numbers

HEAD = "workload: mlp\ndata: {name: digits}\nmethod: grid\nfinal: none\nparameters:\n"


def parsed(text: str) -> Sweep:
    return parse_sweep(HEAD + text, "sweep.yaml", Path("/"), catalogue=CATALOGUE)


@pytest.mark.parametrize(
    ("keys", "values"),
    [
        ("min: 1e-4, max: 1e-1, log: true, count: 4", [1e-4, 1e-3, 1e-2, 1e-1]),
        (
            "min: 1e-4, max: 1e-2, distribution: log_uniform_values, count: 5",
            [1e-4, 10**-3.5, 1e-3, 10**-2.5, 0.01],
        ),
        ("min: 1.0, max: 2.0, count: 3", [1.0, 1.5, 2.0]),
        ("min: 0.1, max: 0.7, count: 7", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]),
        ("distribution: log_uniform, min: -2, max: 0, count: 2", [0.135335283236613, 1.0]),
    ],
)
def test_a_range_has_as_many_values_as_even_as_its_scale(keys: str, values: list[float]) -> None:
    sweep = parsed(f"  lr: {{{keys}}}\n")
    grid = list(sweep.space.domains["lr"].grid())
    assert grid == pytest.approx(values, rel=1e-11)
    assert all(sweep.space.contains({"lr": value}) for value in grid)
    assert not sweep.space.contains({"lr": 0.123456})
    assert stored.from_json(stored.to_json(sweep), "s") == sweep
    assert parse_sweep(sweep.to_text(), "s", Path("/"), catalogue=CATALOGUE) == sweep


def test_whole_numbers_are_different_ones() -> None:
    assert list(Int(16, 128, log=True, count=4).grid()) == [16, 32, 64, 128]
    assert list(Int(0, 10, count=5).grid()) == [0, 2, 5, 8, 10]
    assert str(Int(16, 128, log=True, count=4)) == "16 to 128, whole, log scale, 4 values"
    assert str(Uniform(0, 1, count=3)) == "0 to 1, 3 values"


def test_a_grid_tries_all_of_them_and_the_defaults() -> None:
    lr, width = "{min: 1e-4, max: 1e-2, log: true, count: 3}", "{min: 16, max: 64, count: 2}"
    sweep = parsed(f"  lr: {lr}\n  width: {width}\nepochs: 1\n")
    race = Search(sweep, Numbers, None).race(2)
    simulate(race, World(lambda params, epoch: 0.5, num_lanes=2))
    points = [(lr, width) for lr in (1e-4, 1e-3, 1e-2) for width in (16, 64)]
    assert sweep.trials == 6, "the defaults, lr=0.01 width=64, are one of them"
    assert sorted((t.searched["lr"], t.searched["width"]) for t in race.tracks) == points
    outside = parsed("  lr: {min: 1e-4, max: 1e-1, log: true, count: 2}\n")
    assert outside.trials == 3, "the default is in the range, but none of its values"


@pytest.mark.parametrize(
    ("keys", "path", "rule"),
    [
        ("lr: {min: 1e-4, max: 1e-1, log: true, count: 1}", "lr.count", "must be a whole number, 2 to 1000"),
        ("lr: {min: 1e-4, max: 1e-1, count: 1001}", "lr.count", "must be a whole number, 2 to 1000"),
        ("lr: {min: 1e-4, max: 1e-1, count: many}", "lr.count", "must be a whole number"),
        ("lr: {min: 1e-4, max: 1e-1}", "lr", "count or step is needed (or values)"),
        ("dropout: {min: 0.0, max: 0.5, step: 0.1, count: 3}", "dropout.count", "must be left out beside a step"),
        ("depth: {min: 1, max: 4, count: 5}", "depth.count", "must make different whole numbers from 1 to 4"),
        ("lr: {values: [0.1, 0.2], count: 2}", "lr.count", "has no effect with distribution categorical"),
        ("lr: {distribution: normal, mu: 0.1, sigma: 0.01, count: 3}", "lr.count", "has no effect with"),
        ("lr: {distribution: q_uniform, min: 0.1, max: 1, q: 0.1, count: 3}", "lr.count", "has no effect with"),
    ],
)
def test_a_count_that_cannot_be_is_refused(keys: str, path: str, rule: str, tmp_path: Path) -> None:
    [fault] = refusal(f"{HEAD}  {keys}\n", tmp_path).faults
    assert (fault.place, fault.path) == ("sweep.yaml:6", f"parameters.{path}") and rule in fault.rule


def test_other_methods_refuse_it_where_it_stands(tmp_path: Path) -> None:
    text = HEAD.replace("grid", "tpe") + "  training:\n    lr: {min: 1e-4, max: 1e-1, count: 3}\n"
    [fault] = refusal(text, tmp_path).faults
    assert str(fault) == (
        "sweep.yaml:7: parameters.training.lr.count: has no effect with method tpe: "
        "only method grid tries so many values of a range, received 3"
    )
