"""Copies are found although a column numbers the rows; measurements that differ in every row are none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from search_spaces.spec.data import Data
from tests.helpers.streams_without_ray import all_rows
from workloads.arrays import DataError
from workloads.data.copies import duplicates
from workloads.data.prepare import prepare

NUM = 400
"""Rows of a table in which each row stands twice."""
RNG = np.random.default_rng(0)


def twice() -> pd.DataFrame:
    once = pd.DataFrame(
        {
            "f": RNG.normal(size=NUM // 2),
            "g": RNG.normal(size=NUM // 2),
            "y": RNG.integers(0, 2, NUM // 2),
        }
    )
    return pd.concat([once, once], ignore_index=True)


def csv(folder: Path, table: pd.DataFrame, name: str = "some.csv") -> str:
    table.to_csv(folder / name, index=False)
    return str(folder / name)


Column = Callable[[], object]
NAMES: dict[str, Column] = {
    "from 0": lambda: np.arange(NUM),
    "from 1, shuffled": lambda: RNG.permutation(NUM) + 1,
    "with gaps": lambda: np.sort(RNG.choice(int(1.5 * NUM), NUM, replace=False)),
    "as fractions": lambda: np.arange(NUM) / 2,
    "order numbers": lambda: RNG.choice(10**8, NUM, replace=False),
    "moments": lambda: pd.date_range("2024-01-01", periods=NUM, freq="7min").strftime("%Y-%m-%d %H:%M"),
    "words, left out": lambda: [f"r{k}" for k in range(NUM)],
}


@pytest.mark.parametrize("name", NAMES)
def test_a_column_that_numbers_the_rows_hides_no_copy(tmp_path: Path, name: str) -> None:
    table = twice()
    bare = prepare(Data(csv=csv(tmp_path, table), target="y")).card.duplicates
    table.insert(1, "id", NAMES[name]())
    data = Data(csv=csv(tmp_path, table), target="y")
    card = prepare(data).card
    assert card.duplicates == bare and bare["test_in_train"] > 0
    assert any("of test are exact copies of rows of train" in leak for leak in card.leaks)
    with pytest.raises(DataError, match=r"data\.strict: true allows no leak.*exact copies"):
        prepare(data.model_copy(update={"strict": True}))


def test_a_column_that_the_user_declares_counts_and_the_sentence_says_so(tmp_path: Path) -> None:
    table = twice().assign(id=np.arange(NUM))
    data = Data(csv=csv(tmp_path, table), target="y")
    leak = next(leak for leak in prepare(data).card.leaks if "copies" in leak)
    way_out = "but for column 'id', which differs in every row (if measured, say data.columns: {id: number})"
    assert leak.endswith(way_out)
    declared = prepare(data.model_copy(update={"columns": {"id": "number"}})).card
    assert set(declared.duplicates.values()) == {0}


def binary(share: float) -> np.ndarray:
    return (RNG.random(NUM) < share).astype(int)


MEASURED: dict[str, dict[str, object]] = {
    "one measurement and a few answers": {"m": RNG.normal(size=NUM), "a": binary(0.5), "b": binary(0.9)},
    "people": {
        "m": RNG.normal(size=NUM),
        "age": RNG.integers(18, 80, NUM),
        "sex": binary(0.5),
        "class": RNG.integers(1, 4, NUM),
    },
    "steps and weekdays": {"t": np.arange(NUM), "day": np.arange(NUM) % 7},
    "measurements alone": {"m": RNG.normal(size=NUM), "n": RNG.normal(size=NUM)},
}


@pytest.mark.parametrize("case", MEASURED)
def test_measurements_that_differ_in_every_row_are_compared(tmp_path: Path, case: str) -> None:
    table = pd.DataFrame({**MEASURED[case], "y": RNG.integers(0, 2, NUM)})
    card = prepare(Data(csv=csv(tmp_path, table), target="y", strict=True)).card
    assert set(card.duplicates.values()) == {0}
    assert not [note for note in card.notes if "copies" in note]


def test_the_same_things_measured_again_are_a_note(tmp_path: Path) -> None:
    customers = np.arange(NUM) % (NUM // 2)
    attributes = {"customer": customers, "income": RNG.gamma(2, 9, NUM // 2)[customers]}
    table = pd.DataFrame({**attributes, "paid": RNG.gamma(2, 9, NUM), "y": RNG.integers(0, 2, NUM)})
    card = prepare(Data(csv=csv(tmp_path, table), target="y", strict=True)).card
    assert any("exact copies of rows of train but for column 'paid'" in note for note in card.notes)


def test_a_file_of_one_s_own_with_numbers_of_its_own(tmp_path: Path) -> None:
    table = twice()[: NUM // 2]
    test = table[100:150].assign(id=range(50))
    paths = csv(tmp_path, table.assign(id=range(NUM // 2))), csv(tmp_path, test, "test.csv")
    counts = prepare(Data(csv=paths[0], test=paths[1], target="y")).card.duplicates
    assert counts["test_in_train"] + counts["test_in_val"] == 50


@pytest.mark.parametrize("own", [("test",), ("val",), ("val", "test")])
def test_words_that_the_training_file_lacks_are_compared_as_words(tmp_path: Path, own: tuple[str, ...]) -> None:
    def words(start: int, num: int) -> pd.DataFrame:
        texts = [f"the film number {start + k} is {'good' if k % 2 else 'bad'}" for k in range(num)]
        return pd.DataFrame({"text": texts, "y": np.arange(num) % 2})

    whole = csv(tmp_path, words(0, 100))
    files = {name: csv(tmp_path, words(1000 * (k + 1), 30), f"{name}.csv") for k, name in enumerate(own)}
    card = prepare(Data.model_validate({"csv": whole, "target": "y", **files})).card
    assert set(card.duplicates.values()) == {0}
    files[own[-1]] = csv(tmp_path, pd.concat([words(0, 100)[:10], words(5000, 30)]), "both.csv")
    card = prepare(Data.model_validate({"csv": whole, "target": "y", **files})).card
    assert sum(card.duplicates.values()) == 10


def test_zero_with_a_sign_is_zero(tmp_path: Path) -> None:
    table = twice()
    table["f"] = np.where(np.arange(NUM) < NUM // 2, 0.0, -0.0)
    assert prepare(Data(csv=csv(tmp_path, table), target="y")).card.duplicates["test_in_train"] > 0


def test_missing_values_are_equal_and_order_of_columns_is_not() -> None:
    gaps = np.array([[1.0, np.nan, 2.0], [np.nan, np.nan, np.nan]])
    other = np.array([[np.nan, 1.0, 2.0], [2.0, np.nan, 1.0], [0.0, 0.0, 0.0]])
    counts = duplicates({"train": gaps, "val": np.concatenate([other, -gaps[1:]]), "test": gaps[[0, 0]]})
    assert counts == {"val_in_train": 1, "test_in_train": 2, "test_in_val": 0}
    nothing = duplicates({"train": gaps, "val": gaps[:0], "test": gaps[:0]})
    assert set(nothing.values()) == {0}


def test_numbered_copies_are_streamed_into_one_split(tmp_path: Path) -> None:
    table = twice().assign(id=np.arange(NUM))
    search = prepare(Data(csv=csv(tmp_path, table), target="y", streaming=True)).search
    assert search.stream is not None
    place = [column.name for column in search.train.columns].index("id")
    rows = all_rows(search.stream)[0][:, place].astype(int)
    assert 0.5 < len(rows) / NUM < 0.9
    assert set(rows % (NUM // 2)).isdisjoint(set(search.val.x[:, place].astype(int) % (NUM // 2)))
    assert np.bincount(rows % (NUM // 2), minlength=NUM // 2).tolist().count(1) == 0
