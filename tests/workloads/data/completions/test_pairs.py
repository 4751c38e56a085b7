"""Prompts and completions: read as they are written, split by group, with leaks told, and refused where none is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from search_spaces.spec.data import Data, Split
from search_spaces.spec.sweep import Sweep, parse_sweep
from search_spaces.types.faults import SpecError
from workloads.arrays import Arrays, DataError
from workloads.data.completions.prepare import read_pairs
from workloads.data.prepare import prepare
from workloads.data.sentences.describe import rows_of
from workloads.registry import catalogue

ODD = [
    ("2 + 3 = ", " 5"),
    ('say "x"', "007"),
    ("what?\n", "true"),
    (" two\nlines", "a, b\nc "),
    ("", "😀 שלום"),
    ("x", "NA"),
]


def written(folder: Path, kind: str, rows: list[tuple[Any, Any]]) -> Data:
    """A file of pairs, and the data that names it."""
    path = folder / f"pairs.{kind}"
    frame = pd.DataFrame(rows, columns=["p", "c"])
    if kind == "csv":
        frame.to_csv(path, index=False)
    elif kind == "parquet":
        frame.to_parquet(path)
    else:
        path.write_text("\n".join(json.dumps({"p": p, "c": c}) for p, c in rows), encoding="utf-8")
    return Data(**{kind: str(path)}, prompt="p", completion="c")


def pairs(part: Arrays) -> list[tuple[str, ...]]:
    return rows_of(part.x, part.columns)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_texts_are_read_as_they_are_written(kind: str, tmp_path: Path) -> None:
    data = written(tmp_path, kind, ODD)
    found = read_pairs(str(data.table_file), data)
    assert list(zip(found.prompts, found.completions, strict=True)) == ODD


def test_numbers_of_json_are_texts_as_json_has_them(tmp_path: Path) -> None:
    data = written(tmp_path, "jsonl", [(1, 2.5), ("a", True), (None, 3)])
    found = read_pairs(str(data.table_file), data)
    assert (found.prompts, found.completions) == (["1", "a", ""], ["2.5", "true", "3"])
    with pytest.raises(DataError, match="a text must be a text, received"):
        read_pairs(str(data.table_file), written(tmp_path, "jsonl", [("a", ["b"])]))


@pytest.mark.parametrize("folds", [None, 3])
def test_splits_hold_all_rows_once_and_the_card_tells_of_them(folds: int | None, tmp_path: Path) -> None:
    rows = [(f"question {k} ", f"answer {k % 7}") for k in range(40)]
    data = written(tmp_path, "csv", rows).model_copy(update={"split": Split(folds=folds)})
    found = prepare(data)
    parts = {"train": found.search.train, "val": found.search.val, "test": found.test}
    assert sorted(pair for part in parts.values() for pair in pairs(part)) == sorted(rows)
    for name, part in parts.items():
        assert pairs(part) == [rows[k] for k in found.indices[name]]
        assert part.y.ravel().tolist() == [len(pair[1]) for pair in pairs(part)]
    assert (found.search.problem, found.card.kind, found.search.sentences) == ("completion", "completions", True)
    assert found.card.details["prompt_words_longest"] == 2 == found.card.details["completion_words_median"]
    assert found.card.leaks == () and len(found.search.folds) == (folds or 0)
    shape = found.search.shape()
    assert (shape.target_mean, shape.target_std) == (0.0, 1.0)


def test_a_prompt_in_two_splits_is_a_leak_unless_its_rows_stay_together(tmp_path: Path) -> None:
    rows = [(f"question  {k % 10} ", f"answer {k}") for k in range(60)]
    data = written(tmp_path, "csv", rows)
    card = prepare(data).card
    assert any("the same prompt" in leak for leak in card.leaks) and card.duplicates["test_in_train"] > 0
    with pytest.raises(DataError, match="the same prompt"):
        prepare(data.model_copy(update={"strict": True}))
    grouped = prepare(data.model_copy(update={"split": Split(group="p"), "strict": True}))
    assert grouped.card.leaks == () and grouped.test.groups is not None
    assert len(np.unique(grouped.test.groups)) == len({pair[0] for pair in pairs(grouped.test)})


def test_rows_without_a_completion_are_refused_or_left_out(tmp_path: Path) -> None:
    data = written(tmp_path, "csv", [(f"a{k}", None if k == 3 else "b") for k in range(9)])
    with pytest.raises(DataError, match=r"'c' of pairs.csv is empty in 1 rows, first in line 5.*data.missing"):
        prepare(data)
    found = prepare(data.model_copy(update={"missing": {"c": [""]}}))
    assert "1 rows without a value" in found.card.notes[0]
    assert 3 not in np.concatenate([found.indices[name] for name in ("train", "val", "test")])
    with pytest.raises(DataError, match="must hold 3 rows or more"):
        prepare(written(tmp_path, "csv", [("a", "b")]))


def test_files_of_their_own_are_validation_and_test(tmp_path: Path) -> None:
    for name in ("v", "t"):
        (tmp_path / name).mkdir()
    own = {n: written(tmp_path / n[0], "csv", [(f"{n} {k}", n) for k in range(4)]).csv for n in ("val", "test")}
    data = written(tmp_path, "csv", [(f"train {k}", "train") for k in range(5)])
    found = prepare(data.model_copy(update={"val": own["val"], "test": own["test"]}))
    assert {pair[1] for pair in pairs(found.search.val)} == {"val"} and len(found.test) == 4
    assert found.search.train.columns == found.search.val.columns


def parsed(data: str, folder: Path) -> Sweep:
    spec = (
        f"workload: language\nparameters: {{model: none, mode: full, lr: {{min: 0.001, max: 0.1}}}}\ndata: {data}\n"
    )
    return parse_sweep(spec, "sweep.yaml", folder, catalogue=catalogue())


def test_a_spec_says_which_columns_are_continued_and_predicted(tmp_path: Path) -> None:
    written(tmp_path, "csv", ODD)
    sweep = parsed("{csv: pairs.csv, prompt: p, completion: c, split: {group: p}}", tmp_path)
    assert (sweep.problem, sweep.metric.name) == ("completion", "val_bits_per_character")
    assert not sweep.data.streaming


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("{csv: pairs.csv, prompt: p}", "data.completion: is required beside data.prompt"),
        ("{csv: pairs.csv, completion: c}", "data.prompt: is required beside data.completion"),
        ("{csv: pairs.csv, prompt: p, completion: p}", "data.completion: must be another column than the prompt"),
        ("{csv: pairs.csv, prompt: q, completion: c}", "data.prompt: must be a column of pairs.csv"),
        (
            "{csv: pairs.csv, prompt: p, completion: c, target: c}",
            "data.target: has no effect beside data.completion",
        ),
        ("{csv: pairs.csv, prompt: p, completion: c, text: p}", "data.text: has no effect beside data.completion"),
        (
            "{csv: pairs.csv, prompt: p, completion: c, split: {group: c}}",
            "data.split.group: must be another column",
        ),
        ("{csv: pairs.csv, prompt: p, completion: c, streaming: true}", "data.streaming: has no effect beside"),
        ("{text: pairs.csv, prompt: p, completion: c}", "data.prompt: has no effect with data.text"),
    ],
)
def test_what_cannot_be_meant_is_refused(data: str, said: str, tmp_path: Path) -> None:
    written(tmp_path, "csv", ODD)
    with pytest.raises(SpecError) as caught:
        parsed(data, tmp_path)
    assert said in str(caught.value)
