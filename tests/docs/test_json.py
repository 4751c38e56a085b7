"""The documents of ``--json`` have the fields that the reference tells, and no others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cluster.cli.main import main
from tests.docs.json_documents import DOCUMENTS, fields
from tests.helpers.curve_table import write_curves
from tests.helpers.finished_sweep_without_ray import raced

VERDICT: Mapping[str, Any] = {
    "metric": "test_accuracy",
    "winner": {"number": 3, "params": {"lr": 0.1}, "mean": 0.9, "ci95": [0.8, 1.0], "seeds": 3},
    "default": {
        "moved": {"lr": 0.01},
        "first_trial": True,
        "only_trial": True,
        "number": 0,
        "mean": 0.8,
        "ci95": [0.7, 0.9],
        "seeds": 3,
    },
    "difference": {"mean": 0.1, "ci95": [0.0, 0.2], "seeds": 3},
    "baseline": {
        "name": "majority class",
        "value": 0.5,
        "difference": {"mean": 0.4, "ci95": [0.3, 0.5], "seeds": 3},
    },
    "baselines": [
        {
            "name": "TF-IDF + logistic regression",
            "trained": True,
            "mean": 0.85,
            "ci95": [0.75, 0.95],
            "seeds": 1,
            "difference": {"mean": 0.05, "ci95": [0.01, 0.09], "seeds": 3},
            "rows": 100,
            "of_rows": 200,
            "seconds": 0.5,
            "failed": None,
            "said": "The champion beats TF-IDF + logistic regression by 0.0500 (0.0100 to 0.0900).",
        }
    ],
    "unpredicted": [
        {
            "class": "yes",
            "rows": 7,
            "of_rows": 100,
            "seeds": 3,
            "of_seeds": 3,
            "classes": 2,
            "said": "The champion predicts NO 'yes' at all.",
        }
    ],
    "finalists": [
        {
            "number": 3,
            "champion": True,
            "default": False,
            "search_value": 0.9,
            "validation_mean": 0.9,
            "test": {"mean": 0.9, "ci95": [0.8, 1.0], "seeds": 3},
            "failed_seeds": [2],
        }
    ],
    "interval": {"over": "rows and seeds", "rows": 100, "parts": "rows"},
    "why": "t003 has the best mean val_accuracy.",
    "breaks": None,
    "warnings": ["The champion is WORSE than the defaults."],
    "predictions": "verdict/predictions.parquet",
    "tested_by": None,
    "overfitting": "validation loss lowest 0.1 (epoch 3), last 0.1: no clear overfitting",
}


@pytest.mark.parametrize("name", sorted(set(DOCUMENTS) - {"submit", "stop", "logs", "promote"}))
def test_a_document_has_the_fields_of_its_table(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    not_kept = {"reason": "no space", "resumes_at": {"3": 1}, "ended": [2]}
    final = {"trial": 3, "seed": 1, "state": "done", "epoch": 9, "values": {"9": 0.5}, "test": {"test_f1": 0.5}}
    leg = {"purpose": "search", "members": ["t0003-s0", "t0004-s0"], "start": 0, "stop": 1}
    leg |= {"began_s": 5.0, "ended_s": 7.0, "lane": "host:12"}
    again: dict[str, Any] = {}
    if name == "show ID TRIAL":
        again = {"final:t0003-s1": final, "leg:000000": json.dumps(leg)}
    again |= {"repeat:t0003-s1001": {"trial": 3, "seed": 1001, "state": "done", "values": {"9": 0.5}}}
    several = ("metrics=[{name: val_accuracy}, {name: params_m}]", "constraints=[{metric: params_m, max: 9}]")
    home = raced("trials=24", *several, verdict=VERDICT, not_kept=not_kept, **again)
    command = next((word for word in ("show", "compare") if word in name), name)
    target = (
        ["last", "t003"]
        if name == "show ID TRIAL"
        else {
            "check": [str(home.spec)],
            "data": [str(home.spec), "data.name=wine"],
            "doctor": [],
            "ls": [],
            "workloads": ["mlp"],
            "explain": ["champion"],
            "diff": ["t000", f"{home.id}:3"],
            "compare": [home.id, "batch_size" if "PARAMETER" in name else raced(*several, verdict=VERDICT).id],
        }.get(command, [home.id])
    )
    if command == "simulate":
        curves = write_curves(tmp_path / "curves.csv", home.sweep().space, home.sweep().epochs, cost="params_m")
        target = [str(home.spec), "--table", str(curves), "--seeds", "1"]
    capsys.readouterr()
    found: set[str] = set()
    for words in [target, ["last", "t002"]] if name == "show ID TRIAL" else [target]:  # t002 has failed
        main([command, *words, "--json"])
        found |= set(fields(json.loads(capsys.readouterr().out)))
    null = {
        path for path in found if any(other.startswith(f"{path}.") for other in found)
    }  # here, and not elsewhere
    assert sorted(found - null) == sorted(DOCUMENTS[name])
