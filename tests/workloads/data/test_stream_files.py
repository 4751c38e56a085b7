"""Streams of CSV files in any form: comments, several files, and cells unlike those of the first rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from search_spaces.spec.data import Data
from search_spaces.spec.streaming import decided
from search_spaces.spec.sweep import parse_sweep
from tests.helpers.streams_without_ray import all_rows
from workloads.arrays import DataError
from workloads.data.prepare import prepare
from workloads.registry import catalogue

NUM_ROWS = 400
LATE, BLOCK_BYTES = 2_000, 4096
"""Rows enough that those at the end are read apart from the first ones."""


def written(folder: Path, rows: list[str], name: str = "a.csv") -> Path:
    (folder / name).write_text("\n".join(rows) + "\n")
    return folder / name


def lines(start: int, num_rows: int, decimal: str = ".") -> list[str]:
    return [
        f"{k * 37 % 997 / 4};{k % 7};{'uv'[k % 2]}".replace(".", decimal) for k in range(start, start + num_rows)
    ]


def test_comments_are_left_out_of_a_stream(tmp_path: Path) -> None:
    rows = lines(0, NUM_ROWS)
    path = written(tmp_path, ["# by a program", "a;b;y", *rows[:9], "# later", *rows[9:]])
    found = prepare(Data(csv=str(path), target="y", streaming=True))
    assert found.search.stream is not None and sum(found.card.rows.values()) == NUM_ROWS
    whole = prepare(Data(csv=str(path), target="y"))
    assert {"separator": ";", "comment": "#"}.items() <= found.card.details.items()
    seen = np.concatenate([all_rows(found.search.stream)[0], found.search.val.x, found.test.x])
    everything = np.concatenate([whole.search.train.x, whole.search.val.x, whole.test.x])
    assert sorted(seen.tolist()) == sorted(everything.tolist())


def test_several_files_are_one_stream(tmp_path: Path) -> None:
    for k in range(3):
        written(tmp_path, ["a;b;y", *lines(100 * k, 100)], f"{k}.csv")
    text = "{workload: mlp, data: {csv: [0.csv, 1.csv, 2.csv], target: y, streaming: true}}"
    data = parse_sweep(text, "sweep.yaml", tmp_path, catalogue=catalogue()).data
    found = prepare(data)
    assert sum(found.card.rows.values()) == 300 and found.search.stream is not None
    x = np.concatenate([all_rows(found.search.stream)[0], found.search.val.x, found.test.x])
    assert sorted(4 * x[:, 0]) == sorted(k * 37 % 997 for k in range(300))
    own = written(tmp_path, ["a;b;y", *lines(0, 8)], "own.csv")
    assert len(prepare(data.model_copy(update={"test": str(own)})).test) == 8
    kept = data.model_copy(update={"streaming": None})
    size = sum((tmp_path / f"{k}.csv").stat().st_size for k in range(3))
    assert [decided(kept, 16 * size * share) for share in (0.9, 1.1)] == [True, False]


ODD = {
    "a word": ("a,5;1;u", ",", r"column 'a' holds 'a,5', and its first rows numbers with decimal: ','"),
    "a dot": ("1.5;1;u", ",", r"column 'a' holds '1.5', and its first rows numbers with decimal: ','"),
    "a comma": ("1,5;1;u", ".", r"column 'a' holds '1,5' beside numbers: say data.missing: \{a: "),
    "another word": ("1.5;unknown;u", ".", r"column 'b' holds 'unknown' beside numbers: say data.missing: \{b: "),
}


@pytest.mark.parametrize("case", ODD)
def test_a_late_cell_that_is_no_number_is_refused_before_any_training(
    tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, decimal, rule = ODD[case]
    monkeypatch.setattr("workloads.data.streaming.scan.TABLE_SAMPLE", 100)
    monkeypatch.setattr("workloads.data.streaming.files.BLOCK_BYTES", BLOCK_BYTES)
    path = written(tmp_path, ["a;b;y", *lines(0, LATE, decimal), row, "1;1;u"])
    with pytest.raises(DataError, match=rule):
        prepare(Data(csv=str(path), target="y", streaming=True))


def test_a_late_word_for_a_missing_value_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workloads.data.streaming.files.BLOCK_BYTES", BLOCK_BYTES)
    for decimal in ".,":
        path = written(tmp_path, ["a;b;y", *lines(0, LATE, decimal), "unknown;1;u", "?;2;v"])
        data = Data(csv=str(path), target="y", streaming=True, missing=["unknown", "?"])
        assert prepare(data).card.missing == {"a": 2}
