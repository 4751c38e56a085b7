"""Workloads that bring their own data: the spec's ``data`` is left out, and what would need it is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search_spaces.spec.checks.again import check_again
from search_spaces.spec.stored import from_json, to_json
from search_spaces.spec.sweep import Sweep, parse_sweep
from search_spaces.types.faults import SpecError
from workloads.models.custom.workload import workload_of
from workloads.registry import catalogue

OWN = (
    "workload: mine.code:train\nmetric: {name: val_accuracy}\nparameters: {lr: {min: 0.1, max: 1.0}}\nfinal: none\n"
)


def train(run: Any, *, lr: float = 0.1) -> None: ...


KNOWN = replace(catalogue(), workload=lambda name: workload_of(name, train))


def parsed(text: str, *overrides: str) -> Sweep:
    return parse_sweep(text, "sweep.yaml", Path("/"), overrides, catalogue=KNOWN)


def test_data_may_be_left_out_and_is_so_in_each_form_of_the_sweep() -> None:
    sweep = parsed(OWN)
    assert not sweep.data.given and sweep.problem is None
    assert sweep.name == "code-train"
    assert parsed(sweep.to_text()) == sweep == from_json(to_json(sweep), "sweep.json")
    check_again(sweep, "sweep.json", KNOWN)
    assert parsed(f"{OWN}data: {{name: digits}}").name == "train-digits"


@pytest.mark.parametrize(
    ("override", "told"),
    [
        (
            "data.split.folds=5",
            "data.split: has no effect without a source such as data.csv: mine.code:train brings",
        ),
        ("data.streaming=true", "data.streaming: has no effect without a source such as data.csv: mine.code:train"),
        ("data={}", "data: must hold a source (name, csv, parquet, xlsx, jsonl, feather, folder, text or series)"),
        ("data.name=digitz", "unknown data set, received 'digitz', did you mean 'digits'?"),
    ],
)
def test_what_needs_data_is_refused_without_it(override: str, told: str) -> None:
    with pytest.raises(SpecError) as caught:
        parsed(OWN, override)
    assert told in str(caught.value)
    assert len(caught.value.faults) == 1


def test_a_workload_that_needs_data_says_which_forms_there_are() -> None:
    with pytest.raises(SpecError) as caught:
        parse_sweep("workload: mlp", "sweep.yaml", Path("/"), catalogue=catalogue())
    told = (
        "data: is required for workload mlp: give name, csv, parquet, xlsx, jsonl, feather, folder, text or series"
    )
    assert told in str(caught.value)
