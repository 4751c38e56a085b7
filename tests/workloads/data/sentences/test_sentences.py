"""Sentences as data: from tables and folders, with what they hold told, copies found, and nothing of test shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from search_spaces.spec.data import Data, Split
from workloads.arrays import DataError
from workloads.data.prepare import Prepared, prepare
from workloads.data.sentences.describe import scripts, texts_of, words_of

ROWS = [(f"film number {k} was {'fine' if k % 2 else 'dull'} .", "good" if k % 2 else "bad") for k in range(40)]


def table(folder: Path, rows: list[tuple[str | None, str]], **options: object) -> Prepared:
    file = folder / "reviews.csv"
    pd.DataFrame(rows, columns=["review", "label"]).to_csv(file, index=False)
    return prepare(Data.model_validate({"csv": str(file), "target": "label", "text": "review", **options}))


def all_texts(prepared: Prepared) -> list[str]:
    return [text for part in (prepared.search.train, prepared.search.val, prepared.test) for text in texts_of(part)]


def test_each_row_keeps_its_text_and_class(tmp_path: Path) -> None:
    prepared = table(tmp_path, ROWS)
    assert sorted(all_texts(prepared)) == sorted(text for text, _ in ROWS)
    assert prepared.card.kind == "sentences" and prepared.search.classes == ("bad", "good")
    for text, y in zip(texts_of(prepared.search.train), prepared.search.train.y, strict=True):
        assert dict(ROWS)[text] == prepared.search.classes[y]


def test_the_search_is_not_given_the_texts_of_the_test_split(tmp_path: Path) -> None:
    prepared = table(tmp_path, ROWS)
    assert not set(texts_of(prepared.test)) & set(prepared.search.train.columns[0].values)


def test_other_columns_are_no_features_and_words_that_look_like_something_else_stay(tmp_path: Path) -> None:
    file = tmp_path / "odd.csv"
    texts = ["NA", "null", "?", "1e5", "007", "True", "2024-01-01", "None", "-", "x" * 30] * 4
    frame = pd.DataFrame({"id": range(40), "review": texts, "stars": np.arange(40) / 7, "label": [0, 1] * 20})
    frame.to_csv(file, index=False)
    prepared = prepare(Data.model_validate({"csv": str(file), "target": "label", "text": "review"}))
    assert prepared.card.features == ("review",)
    assert sorted(all_texts(prepared)) == sorted(texts)


@pytest.mark.parametrize("form", ["parquet", "feather", "jsonl", "xlsx"])
def test_other_files_of_tables_hold_the_same(tmp_path: Path, form: str) -> None:
    frame, file = pd.DataFrame(ROWS, columns=["review", "label"]), tmp_path / f"reviews.{form}"
    {
        "parquet": lambda: frame.to_parquet(file),
        "feather": lambda: frame.to_feather(file),
        "jsonl": lambda: frame.to_json(file, orient="records", lines=True),
        "xlsx": lambda: frame.to_excel(file, index=False),
    }[form]()
    prepared = prepare(Data.model_validate({form: str(file), "target": "label", "text": "review"}))
    assert sorted(all_texts(prepared)) == sorted(text for text, _ in ROWS)


def test_two_columns_are_a_pair(tmp_path: Path) -> None:
    file = tmp_path / "pairs.csv"
    frame = pd.DataFrame(
        {"a": [f"it is {k}" for k in range(30)], "b": [f"it was {k}" for k in range(30)], "y": [0, 1, 2] * 10}
    )
    frame.to_csv(file, index=False)
    prepared = prepare(Data.model_validate({"csv": str(file), "target": "y", "text": ["a", "b"]}))
    assert prepared.search.train.x.shape[1] == 2
    assert sorted(all_texts(prepared)) == sorted(f"it is {k} it was {k}" for k in range(30))


def test_texts_are_scored_where_the_target_is_a_measurement(tmp_path: Path) -> None:
    rows = [(text, str(k / 3)) for k, (text, _) in enumerate(ROWS)]
    assert table(tmp_path, rows).card.problem == "regression"


def test_a_folder_of_documents_has_a_class_a_folder(tmp_path: Path) -> None:
    for k, (text, label) in enumerate(ROWS):
        file = tmp_path / "mail" / label / f"{k}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\nsecond line ü", encoding="cp1252")
    prepared = prepare(Data(documents=str(tmp_path / "mail"), encoding="cp1252"))
    assert sorted(all_texts(prepared)) == sorted(f"{text}\nsecond line ü" for text, _ in ROWS)
    assert prepared.search.classes == ("bad", "good")
    with pytest.raises(DataError, match=r"^(bad|good)/\d+.txt: byte .* is no utf-8"):
        prepare(Data(documents=str(tmp_path / "mail")))


def test_splits_of_a_folder_of_documents_are_its_own(tmp_path: Path) -> None:
    for k, (text, label) in enumerate(ROWS):
        file = tmp_path / ("train", "train", "val", "test")[k // 2 % 4] / label / f"{k}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert prepare(Data(documents=str(tmp_path))).card.rows == {"train": 20, "val": 10, "test": 10}


def test_copies_are_found_up_to_case_and_white_space(tmp_path: Path) -> None:
    once = table(tmp_path, ROWS, split=Split(seed=3))
    assert not once.card.leaks
    copied = [(text.upper().replace(" ", "  ") + "\t", label) for text, label in ROWS]
    twice = table(tmp_path, [*ROWS, *copied], split=Split(seed=3))
    assert twice.card.duplicates["test_in_train"] > 0
    assert any("exact copies of rows of train" in leak for leak in twice.card.leaks)
    with pytest.raises(DataError, match="strict"):
        table(tmp_path, [*ROWS, *copied], split=Split(seed=3), strict=True)


def test_the_card_tells_lengths_unknown_words_scripts_and_empty_texts(tmp_path: Path) -> None:
    rows = [*ROWS, *[("кино " * 200, "good")] * 3, *[(None, "bad")] * 3]
    card = table(tmp_path, rows, split=Split(seed=1)).card
    assert card.details["words_median"] == 6
    assert card.details["scripts"].startswith("Latin") or card.details["scripts"].startswith("Cyrillic")
    assert any("texts of" in note and "empty" in note for note in card.notes)
    test = table(tmp_path, ROWS, split=Split(seed=1)).card
    assert test.details["unknown_words_in_test"] == "16.7%"  # each number is in one text alone


def test_scripts_and_words_of_many_languages() -> None:
    found = dict(scripts(["abc", "где", "电影", "مرحبا", "👍👍"]))
    assert found["Latin"] == found["Cyrillic"] == pytest.approx(3 / 13)
    assert {"Cjk", "Arabic"} <= set(found)
    assert words_of("Don't  STOP, 电影!") == ["don", "'", "t", "stop", ",", "电", "影", "!"]
