"""Coordinates: every kind of parameter there and back again, and neighbours that are other configurations."""

from __future__ import annotations

import math

import numpy as np
import pytest

from search_spaces.space.cube import Cube
from search_spaces.space.domains import Choice, Int, Uniform
from search_spaces.space.quantile_domains import Beta, Normal, Rounded
from search_spaces.space.space import Space

SPACE = Space(
    {
        "lr": Uniform(1e-5, 1e-1, log=True),
        "share": Uniform(-1, 1),
        "tenths": Uniform(0, 1, step=0.1),
        "units": Int(16, 256, log=True),
        "even": Int(2, 10, step=2),
        "kind": Choice(("a", "b", "c")),
        "odds": Choice(("x", "y"), probabilities=(0.9, 0.1)),
        "batch": Choice((64, 16, 32)),
        "flag": Choice((True, False)),
        "beta": Beta(2, 5),
        "normal": Normal(0, 1),
        "rounded": Rounded(Uniform(0, 10), 3),
    }
)


def test_a_configuration_comes_back_from_its_coordinates() -> None:
    cube, rng = Cube(SPACE), np.random.default_rng(0)
    points = cube.spread(rng.random((300, len(cube.names))))

    for point in points:
        params = cube.params(point)
        assert SPACE.contains(params), params
        again = cube.params(cube.place(params))
        assert {name: again[name] for name in again if isinstance(again[name], str)} == {
            name: params[name] for name in params if isinstance(params[name], str)
        }
        for name, value in params.items():
            assert again[name] == (pytest.approx(value, rel=1e-6, abs=1e-6) if type(value) is float else value)
            assert type(again[name]) is type(value)
    np.testing.assert_allclose(cube.snapped(points), points, atol=1e-12)


def test_every_value_is_drawn_and_as_often_as_the_others() -> None:
    cube, rng = Cube(SPACE), np.random.default_rng(1)
    drawn = [cube.params(point) for point in cube.spread(rng.random((4000, len(cube.names))))]
    for name in ("tenths", "even", "kind", "batch", "flag"):
        values = [params[name] for params in drawn]
        counts = [values.count(value) for value in SPACE.domains[name].grid()]
        assert min(counts) > 0.75 * max(counts), (name, counts)
    logs = [math.log(float(str(params["lr"]))) for params in drawn]
    assert np.quantile(logs, 0.5) == pytest.approx(math.log(1e-3), abs=0.3)


def test_numbers_among_choices_are_in_order_and_texts_are_not() -> None:
    cube = Cube(SPACE)
    kinds = dict(zip(cube.names, cube.is_category.tolist(), strict=True))
    assert [name for name, category in kinds.items() if category] == ["kind", "odds", "flag"]
    batch = cube.axes[cube.names.index("batch")]
    assert [batch.place(value) for value in (16, 32, 64)] == [1 / 6, 1 / 2, 5 / 6]


@pytest.mark.parametrize("share", [0.01, 0.9])
def test_neighbours_are_other_configurations_of_the_space(share: float) -> None:
    steps = Space({name: SPACE.domains[name] for name in ("tenths", "units", "even", "batch", "kind")})
    cube, rng = Cube(steps), np.random.default_rng(2)
    point = cube.place({"tenths": 0.5, "units": 64, "even": 6, "batch": 32, "kind": "b"})
    near = cube.near(point, 400, 0.001, share, rng)
    params = [cube.params(one) for one in near]

    assert all(steps.contains(one) for one in params)
    assert {one["even"] for one in params} == {4, 6, 8} and {one["batch"] for one in params} == {16, 32, 64}
    assert {one["kind"] for one in params} == {"a", "b", "c"}
    assert sum(one == cube.params(point) for one in params) < 0.15 * len(params), "a step is a step"


def test_a_parameter_that_does_not_exist_has_a_place_but_no_value() -> None:
    tree = Space(
        {"kind": Choice(("a", "b")), "x": Uniform(0, 1), "mode": Choice(("p", "q"))},
        {"x": {"kind": ("a",)}, "mode": {"kind": ("b",)}},
    )
    cube = Cube(tree)
    assert cube.place({"kind": "b", "mode": "q"}).tolist() == [1.0, 0.5, 1.0]
    assert cube.params(np.array([1.0, 0.3, 1.0])) == {"kind": "b", "mode": "q"}
    assert cube.params(np.array([0.0, 0.3, 1.0])) == {"kind": "a", "x": 0.3}


def test_uniform_numbers_draw_choices_with_their_probabilities_and_lead_back() -> None:
    cube, rng = Cube(SPACE), np.random.default_rng(3)
    points = cube.spread(rng.random((2000, len(cube.names))))
    odds = [cube.params(point)["odds"] for point in points]
    assert odds.count("y") / len(odds) == pytest.approx(0.1, abs=0.03)
    for point in points[:100]:
        np.testing.assert_allclose(cube.spread(cube.units(point)[None])[0], point, atol=1e-9)
