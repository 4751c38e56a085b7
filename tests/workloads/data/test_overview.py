"""What people are told of each kind of data: ranges, counts, pictures and first rows, of training rows alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from search_spaces.spec.data import Data
from tests.helpers.sequence_data import RHYME, series, text
from tests.helpers.table_files import COLUMNS, mixed, write_mixed
from workloads.arrays import Infeasible
from workloads.data.overview import ColumnOverview, Names, Overview, overview
from workloads.data.prepare import prepare
from workloads.data.search_data import Prepared
from workloads.tables.hyperparameters import TableFeatures


def of(found: Prepared, target: str = "target") -> Overview:
    names = Names(found.card.features, target)
    return overview(found.search, names, found.indices["train"].tolist(), TableFeatures())


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    path = write_mixed(tmp_path_factory.mktemp("pets"))
    return prepare(Data.model_validate({"csv": path, "target": "kind", "columns": COLUMNS}))


@pytest.fixture(scope="module")
def told(pets: Prepared) -> dict[str, ColumnOverview]:
    return {column.name: column for column in of(pets).columns}


@pytest.fixture(scope="module")
def train(pets: Prepared) -> pd.DataFrame:
    return mixed().iloc[pets.indices["train"]]


def test_numbers_have_a_range_and_a_histogram(told: dict[str, ColumnOverview], train: pd.DataFrame) -> None:
    weight, known = told["weight"], train["weight"].dropna()
    assert (weight.low, weight.high, weight.mean) == pytest.approx((known.min(), known.max(), known.mean()))
    assert weight.missing == train["weight"].isna().sum() > 0
    assert list(weight.bars) == np.histogram(known, bins=12)[0].tolist()


def test_words_are_counted_the_most_frequent_first(told: dict[str, ColumnOverview], train: pd.DataFrame) -> None:
    counts = train["colour"].str.strip().replace("?", None).value_counts()
    assert dict(told["colour"].common) == counts.to_dict()
    assert list(told["colour"].bars) == sorted(counts, reverse=True)
    assert told["colour"].missing == (train["colour"] == "?").sum() > 0


def test_the_card_counts_what_is_missing_in_columns_of_every_kind_over_all_splits(pets: Prepared) -> None:
    of_file = mixed().replace("?", None).isna().sum()
    assert pets.card.missing == {name: count for name, count in of_file.items() if count}
    assert {"colour", "weight"} <= set(pets.card.missing)


def test_an_ordinal_is_in_its_order(told: dict[str, ColumnOverview]) -> None:
    assert list(told["size"].common) == ["small", "medium", "large"]


def test_dates_are_dates_and_texts_have_lengths(told: dict[str, ColumnOverview], train: pd.DataFrame) -> None:
    assert told["born"].low == str(train["born"].min().date())
    assert told["born"].high == str(train["born"].max().date())
    lengths = train["note"].str.len()
    assert (told["note"].low, told["note"].high) == (lengths.min(), lengths.max())


def test_the_first_training_rows_are_those_of_the_file(pets: Prepared, train: pd.DataFrame) -> None:
    row, expected = of(pets).first[0], train.sort_index().iloc[0]
    assert row.row == expected.name == min(pets.indices["train"])
    assert row.values["born"] == str(expected["born"].date())
    assert row.values["size"] == expected["size"] and row.target == expected["kind"]
    assert row.values["weight"] == (None if pd.isna(expected["weight"]) else pytest.approx(expected["weight"]))


def test_a_table_s_features_are_those_of_the_default_pipeline(tmp_path: Path) -> None:
    pd.DataFrame({"a": np.arange(40.0), "y": ["x", "z"] * 20}).to_csv(tmp_path / "a.csv", index=False)
    found = prepare(Data(csv=str(tmp_path / "a.csv"), target="y"))
    train = found.search.train.x[:, 0]
    features = of(found, "y").features
    assert features is not None and features.number == 1
    assert features.rows[0][0] == pytest.approx((train.min() - train.mean()) / train.std())


def test_features_that_cannot_be_made_are_refused(pets: Prepared) -> None:
    with pytest.raises(Infeasible, match="missing values"):
        overview(pets.search, Names((), "kind"), pets.indices["train"].tolist(), TableFeatures(imputation="none"))


def test_the_locked_test_split_is_not_told(tmp_path: Path) -> None:
    """The largest value is in the test file alone."""
    for name, top in (("train", 1.0), ("test", 99.0)):
        pd.DataFrame({"a": np.linspace(0, top, 30), "y": ["x", "z"] * 15}).to_csv(
            tmp_path / f"{name}.csv", index=False
        )
    found = prepare(Data(csv=str(tmp_path / "train.csv"), test=str(tmp_path / "test.csv"), target="y"))
    assert float(str(of(found, "y").columns[0].high)) <= 1.0


def test_a_constant_an_empty_and_an_enormous_column(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"one": 1.0, "none": np.nan, "huge": np.linspace(-1, 1, 40) * 1e150, "y": np.arange(40) / 3}
    )
    frame.to_csv(tmp_path / "odd.csv", index=False)
    kinds = {"none": "number", "one": "number"}
    found = prepare(Data(csv=str(tmp_path / "odd.csv"), target="y", columns=kinds))
    told = {column.name: column for column in of_columns(found)}
    assert told["one"].bars == (28.0,) and told["one"].low == told["one"].high == 1.0
    assert told["none"].missing == 28 and told["none"].low is None and told["none"].bars == ()
    assert sum(told["huge"].bars) == 28 and len(told["huge"].bars) == 12
    assert told["huge"].std == pytest.approx(5.9e149, rel=0.1)


def of_columns(found: Prepared) -> tuple[ColumnOverview, ...]:
    return overview(
        found.search, Names((), "y"), found.indices["train"].tolist(), TableFeatures(scaling="none")
    ).columns


def test_measurements_are_a_target_of_numbers(tmp_path: Path) -> None:
    pd.DataFrame({"a": np.arange(40.0), "y": np.arange(40) / 3}).to_csv(tmp_path / "a.csv", index=False)
    found = of(prepare(Data(csv=str(tmp_path / "a.csv"), target="y")), "y")
    assert found.target is not None and (found.target.name, found.target.kind) == ("y", "number")
    assert found.first[0].target == pytest.approx(found.first[0].values["a"] / 3)


def test_a_series_is_shown_over_time(tmp_path: Path) -> None:
    lines = ["day,level", *(f"{day},{day / 2}" for day in range(100))]
    found = of(series(tmp_path, lines, value="level", time="day", window=4, horizon=2))
    (column,) = found.columns
    assert (column.name, column.kind, column.picture) == ("level", "value", "course")
    assert list(column.bars) == sorted(column.bars) and column.low == 0.0
    assert found.target is None
    assert (found.first[0].values["level"], found.first[0].target) == ([0.0, 0.5, 1.0, 1.5], [2.0, 2.5])


def test_a_text_is_shown_as_it_is_written(tmp_path: Path) -> None:
    found = of(text(tmp_path))
    assert (found.first[0].values["text"], found.first[0].target) == (RHYME[:8], RHYME[1:9])
    (column,) = found.columns
    assert next(iter(column.common)) == " " and column.missing == 0


@pytest.mark.parametrize("in_memory_gib", [2.0, 1e-9])
def test_images_are_told_by_channel(tmp_path: Path, in_memory_gib: float) -> None:
    for label, level in (("dark", 10), ("light", 200)):
        (tmp_path / label).mkdir()
        for i in range(10):
            pixels = np.full((8, 8, 3), (level + i, 0, 255), np.uint8)
            pixels[0, 0, 0] += 1 if i % 2 else 0
            Image.fromarray(pixels).save(tmp_path / label / f"{i}.png")
    found = of(prepare(Data(folder=str(tmp_path), in_memory_gib=in_memory_gib)))
    assert [column.name for column in found.columns] == ["red", "green", "blue"]
    red, green, blue = found.columns
    assert 10 <= float(str(red.low)) < float(str(red.high)) <= 210
    assert (green.low, green.high, blue.mean) == (0.0, 0.0, 255.0)
    assert red.bars[0] > 0 and red.bars[-1] > 0 and sum(red.bars[4:8]) == 0
    assert found.first[0].target == "dark" and 10 <= found.first[0].values["red"] < 21
