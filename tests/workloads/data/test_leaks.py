"""Leaks: found and named, without false alarms, told by default and refused where the spec is strict."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from search_spaces.spec.data import Data, Split
from tests.helpers.paths import SHARED_DATA
from workloads.arrays import DataError
from workloads.data.leaks import Finding, Table, of_table
from workloads.data.prepare import prepare
from workloads.registry import DATASETS

TITANIC = SHARED_DATA / "titanic.csv"
RNG = np.random.default_rng(0)
NUM_ROWS = 120
Y = np.arange(NUM_ROWS) % 2
NUMBERS = RNG.normal(0, 1, (NUM_ROWS, 1))


def found(column: np.ndarray, y: np.ndarray = Y, kind: str = "number") -> list[Finding]:
    return of_table(Table(np.asarray(column, float)[:, None], y, ["c"], [kind], "y"))


TELLING: dict[str, tuple[np.ndarray, np.ndarray, str, str]] = {
    "one to one": (1 - Y, Y, "category", "each of its 2 values comes with one class only"),
    "many to one": (
        Y * 3 + RNG.integers(0, 3, NUM_ROWS),
        Y,
        "category",
        "each of its 6 values comes with one class",
    ),
    "by its gaps": (np.where(Y, np.nan, 7.0), Y, "category", "each of its 2 values"),
    "by its order": (Y * 10 + RNG.uniform(0, 1, NUM_ROWS), Y, "number", "its order alone parts the classes"),
    "the number itself": (
        NUMBERS[:, 0],
        NUMBERS,
        "number",
        "it is a copy of it, or rises or falls exactly with it",
    ),
    "its logarithm, turned": (-np.exp(NUMBERS[:, 0]), NUMBERS, "number", "rises or falls exactly with it"),
    "a price list": (
        np.arange(NUM_ROWS) % 4,
        (np.arange(NUM_ROWS) % 4 * 2.5)[:, None],
        "category",
        "one number only",
    ),
}


@pytest.mark.parametrize("case", TELLING)
def test_a_column_that_determines_the_target_is_named(case: str) -> None:
    column, y, kind, expected = TELLING[case]
    [finding] = found(column, y, kind)
    assert finding.leak and finding.text.startswith("column 'c' determines the target 'y': ")
    assert expected in finding.text


def flipped(num: int) -> np.ndarray:
    column = Y.copy()
    column[:num] = 1 - column[:num]
    return column


INNOCENT: dict[str, tuple[np.ndarray, np.ndarray, str]] = {
    "one row off": (flipped(1), Y, "category"),
    "noise": (RNG.normal(0, 1, NUM_ROWS), Y, "number"),
    "a name a row": (np.arange(NUM_ROWS), Y, "category"),
    "constant": (np.ones(NUM_ROWS), Y, "number"),
    "values too rare to prove it": (np.arange(NUM_ROWS) // 3 * 2 + Y, Y, "category"),
    "a rare class by chance": (RNG.integers(0, 9, NUM_ROWS), np.arange(NUM_ROWS) == 7, "category"),
    "strong, not exact": (NUMBERS[:, 0] + RNG.normal(0, 0.01, NUM_ROWS), NUMBERS, "number"),
    "all missing": (np.full(NUM_ROWS, np.nan), Y, "number"),
}


@pytest.mark.parametrize("case", INNOCENT)
def test_no_false_alarm(case: str) -> None:
    column, y, kind = INNOCENT[case]
    assert found(column, y.astype(int) if y.dtype == bool else y, kind) == []


def test_a_number_for_each_row_is_only_a_note() -> None:
    [finding] = found(RNG.permutation(NUM_ROWS) + 1)
    assert not finding.leak and "another whole number in each row" in finding.text
    assert found(RNG.permutation(NUM_ROWS) * 97) == [], "measurements may well differ in every row"


def test_columns_that_repeat_each_other_are_noted() -> None:
    words, number = RNG.integers(0, 3, NUM_ROWS), RNG.normal(0, 1, NUM_ROWS)
    x = np.column_stack([words, (words + 1) % 3 * 7, number, 32 + 1.8 * number, RNG.normal(0, 1, NUM_ROWS)])
    kinds = ["category", "category", "number", "number", "number"]
    findings = of_table(Table(x, Y, list("abcde"), kinds))
    assert [f.leak for f in findings] == [False, False]
    assert "'a' and 'b'" in findings[0].text and "'c' and 'd'" in findings[1].text


def test_what_holds_in_the_first_rows_alone_is_no_finding() -> None:
    num, first = 6000, np.arange(6000) < 3000
    few, many = RNG.integers(0, 5, num).astype(float), RNG.normal(0, 1, num)
    x = np.column_stack(
        [few, 7 - few, np.where(first, few * 2, 8 - few * 2), many, -many, np.where(first, many, -many)]
    )
    kinds = ["category"] * 3 + ["number"] * 3
    texts = [finding.text for finding in of_table(Table(x, Y[np.arange(num) % NUM_ROWS], list("abcdef"), kinds))]
    assert [text.partition(" say")[0] for text in texts] == ["columns 'a' and 'b'", "columns 'd' and 'e'"]
    telling = of_table(Table(x[:, 3:], many[:, None], list("def"), kinds[3:]))
    assert [finding.text.split("'")[1] for finding in telling if finding.leak] == ["d", "e"]
    halves = np.where(first, many > 0, RNG.integers(0, 2, num)).astype(int)
    assert not [finding for finding in of_table(Table(x[:, 3:4], halves, ["d"], ["number"])) if finding.leak]


@pytest.mark.parametrize("name", [n for n, info in DATASETS.items() if info.kind == "table"])
def test_honest_data_sets_are_left_alone(name: str) -> None:
    card = prepare(Data(name=name), DATASETS[name].problem).card
    assert not [leak for leak in card.leaks if "determines" in leak]


@pytest.mark.skipif(not TITANIC.exists(), reason="the shared titanic file is not here")
def test_titanic_s_leak_is_found_and_dropped() -> None:
    data = Data(csv=str(TITANIC), target="survived")
    card = prepare(data).card
    assert [leak for leak in card.leaks if "determines" in leak] == [
        "column 'alive' determines the target 'survived': each of its 2 values comes with one class only "
        "(if it is known only afterwards, leave it out)"
    ]
    assert [n for n in card.notes if "say the same" in n] == [
        "columns 'pclass' and 'class' say the same: their values go one to one",
        "columns 'embarked' and 'embark_town' say the same: their values go one to one",
    ]
    with pytest.raises(
        DataError, match=r"data\.strict: true allows no leak, received .*'alive' determines"
    ) as caught:
        prepare(data.model_copy(update={"strict": True}))
    assert "\n" not in str(caught.value)
    without = prepare(data.model_copy(update={"columns": {"alive": "drop"}})).card
    assert not [leak for leak in without.leaks if "determines" in leak]


def frame(num_rows: int = 60, **columns: object) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    kinds = np.array(["cat", "dog"])[rng.integers(0, 2, num_rows)]
    return pd.DataFrame({"a": rng.normal(5, 2, num_rows), "kind": kinds, **columns})


def csv(folder: Path, table: pd.DataFrame, name: str = "some.csv") -> str:
    table.to_csv(folder / name, index=False)
    return str(folder / name)


def test_copies_across_splits_are_named_and_refused_where_strict(tmp_path: Path) -> None:
    data = Data(csv=csv(tmp_path, pd.concat([frame(30)] * 2)), target="kind")
    card = prepare(data).card
    count = card.duplicates["test_in_train"]
    assert f"{count} of 9 rows of test are exact copies of rows of train" in card.leaks
    with pytest.raises(DataError, match=r"data\.strict: true allows no leak, received \d: .*exact cop"):
        prepare(data.model_copy(update={"strict": True}))
    clean = Data(csv=csv(tmp_path, frame()), target="kind", strict=True)
    assert prepare(clean).card.leaks == ()


def ordered(num_rows: int) -> pd.Series:
    return pd.Series(pd.date_range("2024-01-01", periods=num_rows).strftime("%Y-%m-%d"))


def shuffled(num_rows: int) -> pd.Series:
    return ordered(num_rows).sample(frac=1, random_state=0).reset_index(drop=True)


@pytest.mark.parametrize(("days", "leak"), [(ordered, True), (shuffled, False)])
def test_time_that_goes_backwards_is_named(tmp_path: Path, days: Callable[[int], pd.Series], leak: bool) -> None:
    card = prepare(Data(csv=csv(tmp_path, frame(day=days(60))), target="kind")).card
    told = [t for t in (card.leaks if leak else card.notes) if t.startswith("time goes backwards: by column 'day'")]
    assert len(told) == 2 and "older than the newest row of train" in told[0]


def test_files_per_split_keep_the_order_of_time(tmp_path: Path) -> None:
    whole = frame(90, day=ordered(90))
    paths = [csv(tmp_path, whole[i : i + 30], f"{i}.csv") for i in (0, 30, 60)]
    prepared = prepare(Data(csv=paths[0], val=paths[1], test=paths[2], target="kind", strict=True))
    assert prepared.card.rows == {"train": 30, "val": 30, "test": 30}
    assert prepared.search.val.x[:, 0] == pytest.approx(whole["a"][30:60])
    assert prepared.indices["val"].tolist() == list(range(30))


def test_a_column_of_groups_is_no_feature_and_keeps_its_rows_together(tmp_path: Path) -> None:
    patients = np.arange(120) // 4
    data = Data(
        csv=csv(tmp_path, frame(120, patient=patients)), target="kind", split=Split(group="patient", folds=3)
    )
    prepared = prepare(data)
    assert prepared.card.features == ("a",)
    held = [set(patients[prepared.indices[name]]) for name in ("train", "val", "test")]
    assert not held[0] & held[1] and not held[0] & held[2] and not held[1] & held[2]
    rows = np.concatenate([prepared.indices["train"], prepared.indices["val"]])
    for number, (train, val) in enumerate(prepared.search.folds):
        assert not set(patients[rows[train]]) & set(patients[rows[val]])
        assert prepared.indices[f"fold{number}"].tolist() == sorted(rows[val])
    gaps = frame(120, patient=pd.Series(patients).where(patients > 0))
    with pytest.raises(DataError, match=r"column 'patient' of some\.csv is empty in 4 rows"):
        prepare(data.model_copy(update={"csv": csv(tmp_path, gaps)}))


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_groups_that_files_of_one_s_own_share_are_named(tmp_path: Path, form: str, streaming: bool) -> None:
    def written(name: str, patients: np.ndarray, seed: int) -> str:
        rng = np.random.default_rng(seed)
        rows = pd.DataFrame(
            {
                "a": rng.normal(size=len(patients)),
                "patient": [f"p{k}" for k in patients],
                "kind": np.array(["cat", "dog"])[np.arange(len(patients)) % 2],
            }
        )
        path = tmp_path / f"{name}.{form}"
        rows.to_csv(path, index=False) if form == "csv" else rows.to_parquet(path)
        return str(path)

    own = {
        "val": written("val", np.repeat([1000, 1001, 1], 4), 1),
        "test": written("test", np.repeat([2, 3, 5, 2000, 1001], 4), 2),
    }
    whole = {form: written("train", np.arange(600) // 3, 0), "target": "kind", "streaming": streaming}
    data = Data.model_validate({**whole, **own, "split": {"group": "patient"}})
    found = prepare(data)
    card, rows = found.card, found.test.groups
    assert rows is not None and len(np.unique(rows.reshape(5, 4))) == len(np.unique(rows[::4])) == 5
    assert [leak for leak in card.leaks if "groups" in leak] == [
        "1 of 3 groups of val, by column 'patient', is in train as well",
        "3 of 5 groups of test, by column 'patient', are in train as well",
        "1 of 5 groups of test, by column 'patient', is in val as well",
    ]
    with pytest.raises(DataError, match=r"data\.strict: .* 3 of 5 groups of test"):
        prepare(data.model_copy(update={"strict": True}))
    one = Data.model_validate({**whole, "test": own["test"], "split": {"group": "patient"}})
    shared = [int(leak.split()[0]) for leak in prepare(one).card.leaks if "of 5 groups of test" in leak]
    assert sum(shared) == 3, "each in the training or the validation rows"
    nameless = data.model_copy(update={"split": Split(), "columns": {"patient": "drop"}})
    assert not [leak for leak in prepare(nameless).card.leaks if "groups" in leak]


@pytest.mark.parametrize("streaming", [False, True])
def test_a_file_of_one_s_own_without_the_column_of_groups_is_told(tmp_path: Path, streaming: bool) -> None:
    rows = frame(120, patient=np.arange(120) // 4)
    test = csv(tmp_path, rows[:20].drop(columns="patient"), "test.csv")
    data = Data(csv=csv(tmp_path, rows), test=test, target="kind", split=Split(group="patient"))
    notes = prepare(data.model_copy(update={"streaming": streaming})).card.notes
    assert "test.csv has no column 'patient': whether its groups are in other splits is not known" in notes


def test_folds_of_a_series_are_blocks_of_time(tmp_path: Path) -> None:
    values = pd.DataFrame({"day": ordered(200), "v": np.sin(np.arange(200) / 3) + np.arange(200) / 50})
    data = Data(series=csv(tmp_path, values), value="v", time="day", window=8, split=Split(folds=3))
    search = prepare(data).search
    assert len(search.folds) == 3
    for train, val in search.folds:
        assert train.max() + 8 < val.min(), "no value is in both"


def test_a_file_of_another_unit_or_spelling_is_told(tmp_path: Path) -> None:
    def file(name: str, heights: list[float], words: list[str]) -> str:
        rows = "".join(f"{heights[k % 3]},{words[k % 2]},{k % 7},{'uv'[k % 2]}\n" for k in range(60))
        (tmp_path / name).write_text(f"height,smoker,z,y\n{rows}")
        return str(tmp_path / name)

    first = file("t.csv", [1.75, 1.8, 1.66], ["yes", "no"])
    for heights, words, told in (
        (
            [175, 180, 166],
            ["1", "0"],
            ("all numbers of 'height' in test are outside", "no word of 'smoker' in test is"),
        ),
        ([1.7, 2.1, 1.6], ["no", "never"], ()),
    ):
        card = prepare(Data(csv=first, test=file("own.csv", heights, words), target="y")).card
        found = [note for note in card.notes if "in test" in note]
        assert len(found) == len(told) and all(map(str.startswith, found, told))
