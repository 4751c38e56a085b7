"""A spec given as Python's objects is the sweep of the file that would say the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search_spaces.spec.sweep import Sweep, parse_sweep, sweep_of_tree
from search_spaces.spec.yaml_document import block
from search_spaces.types.faults import SpecError
from workloads.registry import catalogue

SPEC: dict[str, Any] = {
    "workload": "mlp",
    "data": {"name": "digits"},
    "parameters": {"lr": {"min": 1e-4, "max": 0.1, "log": True}, "width": {"values": [32, 64]}},
    "trials": 8,
}


def of(tree: dict[str, Any], *overrides: str) -> Sweep:
    return sweep_of_tree(tree, Path("/"), overrides, catalogue=catalogue())


def test_a_mapping_is_the_sweep_of_its_file() -> None:
    sweep = parse_sweep(block(SPEC), "s", Path("/"), ["epochs=3"], catalogue=catalogue())
    assert of(SPEC, "epochs=3") == sweep.model_copy(update={"folder": "/"})


def test_what_scientific_code_has_at_hand_is_taken() -> None:
    given = {
        **SPEC,
        "trials": np.int64(8),
        "parameters": {
            "lr": {"min": np.float64(1e-4), "max": 0.1, "log": np.True_},
            "width": {"values": np.array([32, 64])},
        },
    }
    assert of(given) == of(SPEC)
    assert of({**SPEC, "parameters": {**SPEC["parameters"], "width": {"values": (32, 64)}}}) == of(SPEC)
    with pytest.raises(SpecError, match=r"spec: data\.csv: .*received '/nowhere/a\.csv'"):
        of({**SPEC, "data": {"csv": Path("/nowhere/a.csv")}})


def test_what_no_file_could_hold_is_refused_with_all_else() -> None:
    circle: dict[str, Any] = {}
    circle["circle"] = circle
    with pytest.raises(SpecError) as refused:
        of({"workload": "mpl", "data": {"name": object()}, 7: 1, "trials": {4}, "final": "a\0", "x": circle})
    told = str(refused.value)
    for part in (
        "spec: must have keys that are text, received 7",
        "spec: data.name: must be text, a number, true or false, or a list or mapping of them, received an object",
        "spec: trials: must be text, a number",
        "spec: final: must be UTF-8 text, received control character 0",
        "must not be nested deeper than 20",
        "did you mean 'mlp'?",
    ):
        assert part in told, told
