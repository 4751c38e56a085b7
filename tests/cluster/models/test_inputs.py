"""Files as a model is given them, and what becomes of its answers, by the kind of what the model takes."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cluster.models import inputs as inputs_of
from cluster.models.inputs import Inputs, Part
from cluster.models.predicting import Predictor
from cluster.models.takes import Takes
from search_spaces.spec.data import Data
from tests.helpers.tagged import conll
from workloads.arrays import Column, DataError

TABLE = (Column("age"), Column("ward", "category", values=("north", "south")))
WORDS = Takes(form="rows", columns=(Column("words", "text"),), problem="tagging", classes=("O", "B"))
REVIEWS = Takes(form="rows", columns=(Column("review", "text"),), classes=("no", "yes"))
PROMPTS = Takes(form="rows", columns=(Column("prompt", "text"), Column("completion", "text")), problem="completion")


class Fake:
    """A model that keeps what it was given, and answers with one row of ``answer`` for each row."""

    def __init__(self, answer: Any = (0.0, 0.0)) -> None:
        self.answer, self.given = answer, list[Any]()

    def predict(self, rows: Any) -> Any:
        self.given.append(rows)
        return np.tile(np.array(self.answer, dtype=float), (len(rows), 1))


def predictor(takes: Takes, model: Fake) -> Predictor:
    stored: Any = SimpleNamespace(
        loaded=lambda: model, about=SimpleNamespace(signature=None), loader="", data=Path()
    )
    return Predictor(stored=stored, takes=takes)


def given(takes: Takes, file: Path, **data: Any) -> list[Any]:
    """Return what the model is given for a file, its parts joined."""
    model = Fake((0.5,))
    read = Inputs(files=[file], takes=takes, data=Data(**data))
    for part in read.parts():
        predictor(takes, model).of(part)
    return [row for rows in model.given for row in (rows.to_numpy().tolist() if hasattr(rows, "columns") else rows)]


SENTENCES = [["Ann", "left", "."], ["Stop"]]
AS_ROWS = [[words] for words in SENTENCES]


@pytest.mark.parametrize(
    ("name", "text", "takes", "expected"),
    [
        ("one.csv", 'review\ngood, fine\n"two\nlines"\n', REVIEWS, [["good, fine"], ["two\nlines"]]),
        ("bom.csv", "\ufeffreview\r\na;b\r\nc\r\n", REVIEWS, [["a;b"], ["c"]]),
        ("two.csv", "id,review\n1,good\n2,7\n", REVIEWS, [["good"], ["7"]]),
        ("lines.txt", "good\n\nlast", REVIEWS, [["good"], [""], ["last"]]),
        ("prompts.txt", "say a\nsay b\n", PROMPTS, [["say a"], ["say b"]]),
        ("prompts.csv", "prompt\nsay, a\n", PROMPTS, [["say, a"]]),
        ("lists.jsonl", "".join(json.dumps({"words": one}) + "\n" for one in SENTENCES), WORDS, AS_ROWS),
        ("labelled.conll", conll([[(word, "O") for word in one] for one in SENTENCES]), WORDS, AS_ROWS),
    ],
)
def test_texts_come_from_every_kind_of_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, takes: Takes, expected: list[Any]
) -> None:
    monkeypatch.setattr(inputs_of, "LINES_AT_ONCE", 1)
    file = tmp_path / name
    file.write_bytes(text.encode())
    found = [[list(cell) if hasattr(cell, "tolist") else cell for cell in row] for row in given(takes, file)]
    assert found == expected


@pytest.mark.parametrize(
    ("name", "content", "takes", "told"),
    [
        ("a.csv", b"reviw\ngood\n", REVIEWS, "must have the column 'review', its first line is 'reviw'"),
        ("a.txt", b"gut f\xfcr\n", REVIEWS, "it must be a text in UTF-8"),
        ("a.txt", b"good\n", Takes(form="rows", columns=TABLE), "the model takes the columns age, ward"),
        ("a.csv", b"age,ward\n1,n\xe9\n\xff\xfe\xfd,x\n", Takes(form="rows", columns=TABLE), "as .parquet"),
        ("a.png", b"no image", Takes(form="images", shape=(1, 4, 4)), "a damaged one: take it away"),
        ("a.txt", b"\xff.png\n", Takes(form="images", shape=(1, 4, 4)), "it must be a text in UTF-8"),
    ],
)
def test_files_that_cannot_be_read_are_refused_with_the_way_out(
    tmp_path: Path, name: str, content: bytes, takes: Takes, told: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as refused:
        given(takes, tmp_path / name)
    assert told in str(refused.value)


def test_a_matrix_has_the_training_s_codes_whatever_the_order_of_the_columns(tmp_path: Path) -> None:
    takes = Takes(form="matrix", columns=TABLE, classes=("ill", "well"), is_own=True, returns="logits")
    (tmp_path / "new.csv").write_text("ward,age\nsouth,16777217\nwest,2\n,3\n")
    model = Fake((0.0, np.log(3.0)))
    made = predictor(takes, model)
    [part] = Inputs(files=[tmp_path / "new.csv"], takes=takes, data=Data()).parts()
    found = made.of(part)
    np.testing.assert_array_equal(model.given[0], [[16777217.0, 1.0], [2.0, 2.0], [3.0, np.nan]])
    assert found["prediction"].tolist() == ["well"] * 3 and found["well"].tolist() == pytest.approx([0.75] * 3)
    assert list(made.remarks.said()) == [
        "column 'ward' has words that the training split did not have, and count as unknown: 'west' in 1 row"
    ]


@pytest.mark.parametrize(
    ("returns", "answer", "expected"),
    [
        ("probabilities", (0.9, 0.1), ("ill", 0.9, 0.1)),
        (None, (0.9, 0.1), ("ill", 0.9, 0.1)),
        ("probabilities", (0.9,), ("well", 0.1, 0.9)),
        ("logits", (0.0, np.log(4)), ("well", 0.2, 0.8)),
        ("classes", (1,), ("well",)),
        (None, (1,), ("well",)),
    ],
)
@pytest.mark.parametrize("form", ["rows", "matrix", "images"])
def test_a_function_s_answers_are_read_as_in_the_final_evaluation(
    form: Any, returns: Any, answer: tuple[float, ...], expected: tuple[Any, ...]
) -> None:
    columns = () if form == "images" else TABLE[:1]
    takes = Takes(form=form, columns=columns, classes=("ill", "well"), is_own=True, returns=returns)
    rows = np.zeros((3, 1, 2, 2), np.uint8) if form == "images" else pd.DataFrame({"age": [1.0, 2.0, 3.0]})
    part = Part(rows=rows, shown=pd.DataFrame(index=[2, 3, 4]))
    found = predictor(takes, Fake(answer)).of(part)
    assert list(found.columns) == ["prediction", "ill", "well"][: len(expected)]
    for row in found.itertuples(index=False):
        assert row[0] == expected[0] and list(row[1:]) == pytest.approx(expected[1:])


def test_an_array_has_the_columns_of_numbers_in_their_order(tmp_path: Path) -> None:
    takes = Takes(form="matrix", columns=(Column("age"), Column("weight")), is_own=True, problem="regression")
    np.save(tmp_path / "a.npy", [[16777217.0, 1.0], [2.0, np.nan]])
    found = given(takes, tmp_path / "a.npy")
    np.testing.assert_array_equal(found, [[16777217.0, 1.0], [2.0, np.nan]])
    np.save(tmp_path / "a.npy", np.zeros((2, 3)))
    with pytest.raises(
        DataError, match=r"the model takes the columns age, weight, received an array \(2, 3\) of float64"
    ):
        given(takes, tmp_path / "a.npy")


def test_a_series_keeps_all_digits_of_its_last_window(tmp_path: Path) -> None:
    days = pd.date_range("2024-01-01", periods=6).astype(str)
    file = tmp_path / "sales.csv"
    pd.DataFrame({"day": days, "sold": np.arange(6) + 16777217.0}).to_csv(file, index=False)
    takes = Takes(form="series", problem="regression")
    data = Data(series=str(file), time="day", value="sold")
    [part] = Inputs(files=[file], takes=takes, data=data, details={"window": 3}).parts()
    assert part.rows[0, :, 0].tolist() == [16777220.0, 16777221.0, 16777222.0]
    assert part.shown["series"].tolist() == ["sales.csv"]


def test_images_of_a_folder_are_read_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for k in range(5):
        Image.fromarray(np.full((4, 4), k, np.uint8)).save(tmp_path / f"{k}.png")
    takes = Takes(form="images", shape=(1, 4, 4), classes=("a", "b"))
    whole = given(takes, tmp_path)
    monkeypatch.setattr(inputs_of, "IMAGES_AT_ONCE", 2)
    model = Fake()
    for part in Inputs(files=[tmp_path], takes=takes, data=Data()).parts():
        predictor(takes, model).of(part)
    assert [len(rows) for rows in model.given] == [2, 2, 1]
    np.testing.assert_array_equal(np.concatenate(model.given), whole)
