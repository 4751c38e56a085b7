"""The model card: numbers of the verdict, leaks and limits in words, and how to use the champion."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cluster.models.model_card import Subject, model_card
from search_spaces.types.objective import Objective
from tests.helpers.small_champion import id_of
from tests.helpers.sweep_here import Here
from tracking import names
from tracking.results.registered_model import MAX_DESCRIPTION, fitting

CARD = {
    "name": "digits",
    "rows": {"train": 100, "val": 40, "test": 38},
    "digest": "ab" * 32,
    "test_digest": "cd" * 32,
    "classes": ["cat", "dog"],
    "class_counts": {"test": [35, 3]},
    "leaks": ["3 rows of the test split are in the training split"],
    "notes": [],
}


PETS = Subject(
    sweep="4240",
    name="pets",
    workload="mlp",
    objective=Objective("val_accuracy", "maximize"),
    uri=None,
    trial=7,
    params={"lr": 0.0123456, "width": 8},
    verdict=None,
    data=CARD,
    environment={"python": "3.12", "packages": {"torch": "2.15"}, "git": {"commit": "f00", "dirty": True}},
)


@pytest.mark.parametrize(
    ("params", "fixed", "told"),
    [
        ({"lr": 0.0123456, "width": 8}, {}, "lr 0.01235, width 8"),
        ({"lr": 0.1}, {"width": 8}, "lr 0.1; fixed in the sweep file: width 8"),
        ({}, {"width": 8}, "fixed in the sweep file: width 8"),
        ({}, {}, "its defaults"),
    ],
)
def test_searched_and_fixed_values_are_told(params: dict[str, object], fixed: dict[str, object], told: str) -> None:
    assert f"trial t007: {told}. " in model_card(replace(PETS, params=params, fixed=fixed))


def test_sections_that_have_no_room_in_the_registry_are_named() -> None:
    note = "a remark " * 500
    told, end = model_card(replace(PETS, data={**CARD, "notes": [note]})), "\n\nLoad it: so."
    assert fitting(model_card(PETS), end) == model_card(PETS).rstrip() + end
    short = fitting(told, end)
    assert len(told) > MAX_DESCRIPTION - len(end) and len(short) <= MAX_DESCRIPTION and short.endswith(end)
    assert "in the artifact `model_card.md` of its run: Data." in short and note not in short
    assert "## Test split" in short and "**Leak" not in short and "- 3 rows of the test split" in short


def test_limits_are_told() -> None:
    told = model_card(PETS)
    assert "fewer than 30 test rows, whose scores say little: dog (3)" in told
    assert "**Leak: 3 rows of the test split are in the training split**" in told
    assert "It was not scored on a test split." in told
    assert "paceline best 4240 --files DIR" in told
    assert "Git commit `f00`, with changes" in told


def test_a_score_of_one_seed_without_test_rows_is_said_to_have_no_interval() -> None:
    score = {"mean": 0.5, "ci95": [None, None], "seeds": 1}
    verdict = {
        "metric": "test_f1",
        "winner": score,
        "default": score,
        "difference": score,
        "interval": {"over": "", "rows": None},
    }
    told = model_card(replace(PETS, verdict=verdict))
    assert "test_f1, of a single seed:" in told and "| champion | 0.5000 | no interval | 1 |" in told


def test_a_sweep_s_card_has_the_numbers_of_its_verdict(patients: Here) -> None:
    [file] = (patients.path / "mlruns").rglob(names.MODEL_CARD_FILE)
    told, verdict = file.read_text(), patients.document("show")["verdict"]
    low, high = verdict["winner"]["ci95"]
    assert f"| champion | {verdict['winner']['mean']:.4f} | [{low:.4f}, {high:.4f}] | 2 |" in told
    assert all(one["said"] in told for one in verdict["baselines"] if one["trained"])
    assert f"paceline predict {id_of(patients)} FILE" in told


def test_the_registered_version_is_described_by_the_whole_card(patients: Here) -> None:
    from mlflow import MlflowClient

    [file] = (patients.path / "mlruns").rglob(names.MODEL_CARD_FILE)
    client = MlflowClient(f"sqlite:///{patients.path / 'mlflow.db'}")
    name = patients.document("show")["name"]
    [version] = client.search_model_versions(f"name = '{name}'")
    assert (
        file.read_text().rstrip() in version.description
        and f"models:/{name}/{version.version}" in version.description
    )
