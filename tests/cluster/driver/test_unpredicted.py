"""A champion that never predicts a class: told in the verdict's words, in red, in the JSON and in MLflow's note."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cluster.sweep.tracker import _reasons
from cluster.terminal.closing_summary import verdict_lines
from cluster.terminal.verdict import unpredicted
from search_spaces.types.objective import Objective
from tests.helpers.sweep_in_this_process import outcome
from tests.helpers.workload_data import blobs, search_data
from workloads.arrays import Arrays
from workloads.champion.test_scores import TestSplit

RARE = """
name: rare
workload: softmax
data: {csv: rare.csv, target: bought}
method: random
trials: 1
epochs: 6
final: {top: 1, seeds: 2, baselines: false}
parameters: {lr: {min: 0.05, max: 0.06}, batch_size: 8}
"""


def test_a_champion_that_says_no_to_all_is_told_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """3.3 % positives that nothing tells apart: the accuracy is 96.7 %."""
    monkeypatch.chdir(tmp_path)
    a, b = np.random.default_rng(0).normal(size=(2, 600))
    pd.DataFrame({"a": a, "b": b, "bought": np.where(np.arange(600) % 30, "no", "yes")}).to_csv(
        "rare.csv", index=False
    )
    (tmp_path / "spec.yaml").write_text(RARE)
    (tmp_path / "home").mkdir()
    verdict, objective = (
        outcome(tmp_path / "spec.yaml", tmp_path / "home").verdict,
        Objective("val_accuracy", "maximize"),
    )
    (one,) = verdict["unpredicted"]
    assert one == {**one, "class": "yes", "rows": 3, "of_rows": 90, "seeds": 2, "of_seeds": 2, "classes": 2}
    said = one["said"]
    assert said.startswith(
        "The champion predicts NO 'yes' at all with any of its 2 seeds, which 3 of 90 test rows are: no row has a "
        "probability above 0.5; balanced class weights, "
    )
    assert said in verdict["warnings"] and f"**{said}**" in _reasons(verdict, objective)
    lines = verdict_lines(verdict, objective)
    assert [str(line.style) for line in lines if str(line).strip() == said] == ["bold red"]


def split(num_classes: int, y: list[int]) -> TestSplit:
    search = replace(search_data(), num_outputs=num_classes, classes=tuple("abcdefgh"[:num_classes]))
    return TestSplit.of("mlp", "accuracy", search, Arrays(blobs(len(y), 0).x, np.array(y)))


def test_classes_of_few_rows_among_many_are_left_out_and_seeds_are_counted() -> None:
    its = split(4, [0] * 20 + [1] * 6 + [2] * 4 + [3] * 5)
    none, some = np.zeros((35, 4)), np.zeros((35, 4))
    none[:, 0] = some[:, 0] = 1
    some[22, 3] = 2
    found = its.unpredicted([{"logits": none}, {"logits": some}])
    assert [(one["class"], one["rows"], one["seeds"]) for one in found] == [("b", 6, 2), ("d", 5, 1)]
    assert "with 1 of its 2 seeds, which 5 of 35 test rows are: another class is likelier" in unpredicted.said_of(
        found[1]
    )
    assert its.unpredicted([{"accuracy:mean": np.zeros(35)}]) == []


def test_of_many_classes_some_are_named() -> None:
    found = [{"class": name, "classes": 9, "said": f"no {name}"} for name in "abcde"]
    assert unpredicted.warnings({"unpredicted": found}) == [
        "no a",
        "no b",
        "no c",
        "So it is with 2 more of its 9 classes.",
    ]
    assert unpredicted.warnings({"unpredicted": found[:3]}) == ["no a", "no b", "no c"]
    assert unpredicted.warnings({}) == []
