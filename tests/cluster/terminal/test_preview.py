"""The preview of a sweep whose parameters must satisfy conditions."""

from __future__ import annotations

import pytest

from cluster.terminal.plans.preview import document, lines, preview
from search_spaces.space.domains import Choice
from search_spaces.space.requirement import Requirement
from search_spaces.space.space import Space
from search_spaces.spec.keys.budget import Budget
from search_spaces.spec.schema import Repeats
from tests.helpers.toy_race import FINITE, Toy, toy_sweep


@pytest.mark.parametrize(
    ("text", "share", "told"),
    [
        ("lr <= 0.5", 0.6, "lr <= 0.5 (about 60 % of the space)"),
        ("lr < 2", 1.0, "lr < 2 (about 100 % of the space)"),
        (
            "lr < 0.5",
            0.4,
            "lr < 0.5 (about 40 % of the space, the defaults not in it: trial 0 is the nearest that is)",
        ),
    ],
)
def test_the_share_of_the_space_is_told_and_whether_the_defaults_are_in_it(
    text: str, share: float, told: str
) -> None:
    sweep = toy_sweep(space=Space(FINITE.domains, {}, (Requirement(text),)))
    plan = preview(sweep, 1, Toy)
    assert f"require     {told}" in lines(sweep, plan)
    assert document(sweep, plan)["require_share"] == share
    assert document(sweep, plan)["defaults_moved"] is ("not in it" in told)


def test_of_auto_the_sampler_that_answers_is_told() -> None:
    plain, ruled = (
        toy_sweep(method="auto"),
        toy_sweep(method="auto", space=Space(FINITE.domains, {"lr": {"kind": ("a",)}})),
    )
    told = [lines(sweep, preview(sweep, 1, Toy))[1] for sweep in (plain, ruled)]
    assert told == [
        "search      auto (gp) + asha, seed 0",
        "search      auto (tpe, as the space has conditions) + asha, seed 0",
    ]


def test_what_repeats_cost_at_most_is_part_of_the_forecast() -> None:
    sweep = toy_sweep(early_terminate={"type": "none"}, repeats=Repeats(seeds=2), budget=Budget(epochs=100))
    plan = preview(sweep, 1, Toy)
    told = lines(sweep, plan)
    assert "epochs      about 108 of 108 with one seed each, 216 where all get 2" in told
    assert "budget      100 epochs, enough for about 11 of 12 trials, for 5 where all get 2 seeds" in told
    found = document(sweep, plan)
    assert (found["epochs"], found["epochs_with_all_seeds"], found["seeds"]) == (108, 216, 2)
    assert found["budget"]["epochs"] == {"limit": 100, "trials": 11, "trials_with_all_seeds": 5}


def test_nothing_is_told_where_nothing_is_required() -> None:
    sweep = toy_sweep()
    plan = preview(sweep, 1, Toy)
    assert not any(line.startswith("require") for line in lines(sweep, plan))
    assert document(sweep, plan)["require_share"] is None and not document(sweep, plan)["defaults_moved"]


@pytest.mark.parametrize(("values", "told"), [((0.5, 0.9), False), ((0.1, 0.2), True)])
def test_defaults_that_lie_outside_of_the_space_are_told(values: tuple[float, float], told: bool) -> None:
    sweep = toy_sweep(space=Space({"lr": Choice(values)}))
    line = "defaults    tried first, outside of the space: lr=0.5"
    assert (line in lines(sweep, preview(sweep, 1, Toy))) == told
