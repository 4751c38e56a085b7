"""The model card: numbers of the verdict, leaks and limits in words, and how to use the champion."""

from __future__ import annotations

from cluster.models.model_card import FILE, Subject, model_card
from search_spaces.types.objective import Objective
from tests.helpers.small_champion import id_of
from tests.helpers.sweep_here import Here

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


def card(verdict: dict[str, object] | None, uri: str | None) -> str:
    return model_card(
        Subject(
            sweep="4240",
            name="pets",
            workload="mlp",
            objective=Objective("val_accuracy", "maximize"),
            uri=uri,
            trial=7,
            params={"lr": 0.0123456, "width": 8},
            verdict=verdict,
            data=CARD,
            environment={"python": "3.12", "packages": {"torch": "2.15"}, "git": {"commit": "f00", "dirty": True}},
        )
    )


def test_limits_are_told() -> None:
    told = card(None, None)
    assert "trial t007: lr 0.01235, width 8" in told
    assert "fewer than 30 test rows, whose scores say little: dog (3)" in told
    assert "**Leak: 3 rows of the test split are in the training split**" in told
    assert "It was not scored on a test split." in told
    assert "paceline best 4240 --files DIR" in told
    assert "Git commit `f00`, with changes" in told


def test_a_sweep_s_card_has_the_numbers_of_its_verdict(patients: Here) -> None:
    [file] = (patients.path / "mlruns").rglob(FILE)
    told, verdict = file.read_text(), patients.document("show")["verdict"]
    low, high = verdict["winner"]["ci95"]
    assert f"| champion | {verdict['winner']['mean']:.4f} | [{low:.4f}, {high:.4f}] | 2 |" in told
    assert all(one["said"] in told for one in verdict["baselines"] if one["trained"])
    assert f"paceline predict {id_of(patients)} FILE" in told
