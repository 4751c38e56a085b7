"""Tables of recorded curves: what is read of them, and what is refused with its place."""

from __future__ import annotations

import math
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from search_spaces.simulation.recorded import Recorded, load
from search_spaces.space.domains import Choice, Uniform
from search_spaces.space.space import Space
from search_spaces.spec.sweep import Sweep
from search_spaces.types.faults import SpecError
from tests.helpers.toy_race import toy_sweep

SPACE = Space({"lr": Uniform(0, 1), "size": Choice((1, 2))})
HEAD = "lr,size,epoch,value,seconds\n"
GOOD = HEAD + "0.1,1,1,0.5,2\n0.1,1,2,0.6,2\n0.9,2,1,0.3,4\n0.9,2,2,0.4,5\n"


def sweep(space: Space = SPACE) -> Sweep:
    return toy_sweep(space=space, epochs=2)


def read(text: str, tmp_path: Path, space: Space = SPACE) -> Recorded:
    path = tmp_path / "curves.csv"
    path.write_text(text)
    return load(path, sweep(space))


def test_curves_are_read_and_the_nearest_stands_in(tmp_path: Path) -> None:
    found = read(GOOD, tmp_path)
    assert found.configurations == [{"lr": 0.1, "size": 1}, {"lr": 0.9, "size": 2}]
    assert found.value({"lr": 0.1, "size": 1}, 2) == 0.6 and found.takes_s({"lr": 0.9, "size": 2}, 2) == 5
    assert found.of({"lr": 0.7, "size": 2, "kind": "a"}) == 1 and found.of({"lr": 0.2, "size": 1}) == 0
    assert found.of({"lr": 7.0, "size": 3}) in (0, 1), "the defaults need not lie in the space"
    assert [found.regret(place, 0.0) for place in (0, 1)] == [0, pytest.approx(0.2)]


def test_parquet_is_read_as_csv_is(tmp_path: Path) -> None:
    columns = {
        "lr": [0.1, 0.1, 0.9, 0.9],
        "size": [1, 1, 2, 2],
        "epoch": [1, 2, 1, 2],
        "val_accuracy": [0.5, 0.6, 0.3, 0.4],
    }
    pq.write_table(pa.table({**columns, "who": ["me"] * 4}), tmp_path / "curves.parquet")
    found, plain = load(tmp_path / "curves.parquet", sweep()), read(GOOD, tmp_path)
    assert (found.configurations, found.values) == (plain.configurations, plain.values)
    assert found.unused == ["who"] and found.seconds == [{1: 1.0, 2: 1.0}] * 2, "without seconds an epoch takes one"


def test_one_that_diverged_counts_and_one_that_was_stopped_is_left_out(tmp_path: Path) -> None:
    found = read(GOOD + "0.5,1,1,0.2,1\n0.5,1,2,,1\n0.6,1,1,nan,1\n0.7,1,1,0.2,1\n", tmp_path)
    assert len(found.values) == 4 and found.num_short == 1
    assert math.isnan(found.value({"lr": 0.5, "size": 1}, 2)) and math.isnan(found.value({"lr": 0.6, "size": 1}, 1))


def test_parameters_that_do_not_exist_have_no_value(tmp_path: Path) -> None:
    space = Space({"size": Choice((1, 2)), "lr": Uniform(0, 1)}, {"lr": {"size": (1,)}})
    found = read(GOOD.replace("0.9,2", ",2"), tmp_path, space)
    assert found.configurations == [{"size": 1, "lr": 0.1}, {"size": 2}]


FAULTS = {
    "no column": ("lr,epoch,valu\n0.1,1,0.5\n", "curves.csv: must have a column size (it has lr, epoch, valu)"),
    "no objective": (
        "lr,size,epoch,valu\n0.1,1,1,0.5\n",
        "must have a column val_accuracy (or value), the objective (it has lr, size, epoch, valu), did you mean "
        "'valu'?",
    ),
    "no table": ("", "curves.csv: must be a CSV or Parquet table with one name a column"),
    "outside": (
        GOOD + "1.5,1,1,0.5,1\n",
        "curves.csv:6: lr: must be a value of the sweep's space (0 to 1), received '1.5'",
    ),
    "no choice": (
        GOOD + "0.5,3,1,0.5,1\n",
        "curves.csv:6: size: must be a value of the sweep's space (one of 1, 2), received '3'",
    ),
    "no number": (GOOD + "0.5,1,1,high,1\n", "curves.csv:6: value: must be a number, received 'high'"),
    "epoch 0": (GOOD + "0.5,1,0,0.5,1\n", "curves.csv:6: epoch: must be a number >= 1, received '0'"),
    "half an epoch": (GOOD + "0.5,1,1.5,0.5,1\n", "curves.csv:6: epoch: must be a whole number, received '1.5'"),
    "no time": (GOOD + "0.5,1,1,0.5,-1\n", "curves.csv:6: seconds: must be a number >= 0, received '-1'"),
    "twice": (
        GOOD + "0.1,1,2,0.5,1\n",
        "curves.csv:6: epoch: must be given once for each configuration (first curves.csv:3), received 2",
    ),
    "a gap": (
        GOOD + "0.5,1,2,0.5,1\n",
        "curves.csv:6: epoch: must go on from epoch 1 without a gap: 1 is missing for this configuration",
    ),
    "too few": (HEAD + "0.1,1,1,0.5,2\n", "curves.csv: must have at least 2 configurations with the epochs 1 to 2"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_what_is_wrong_is_told_with_its_place(case: str, tmp_path: Path) -> None:
    text, told = FAULTS[case]
    with pytest.raises(SpecError) as caught:
        read(text, tmp_path)
    assert told in str(caught.value)


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        read(GOOD + "1.5,3,x,high,1\n2,1,1,0.5,1\n", tmp_path)
    assert [(fault.place, fault.path) for fault in caught.value.faults] == [
        ("curves.csv:6", "epoch"),
        ("curves.csv:6", "value"),
        ("curves.csv:6", "lr"),
        ("curves.csv:6", "size"),
        ("curves.csv:7", "lr"),
    ]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "broken.parquet").write_text("PAR1")
    for name in ("none.csv", "broken.parquet"):
        with pytest.raises(SpecError, match="cannot be read"):
            load(tmp_path / name, sweep())
