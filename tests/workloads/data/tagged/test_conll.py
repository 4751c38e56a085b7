"""Labelled words as data: CoNLL files in their forms, splits by sentence, and what is told of odd ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search_spaces.spec.data import Data
from tests.helpers.tagged import conll, names, sentences
from workloads.arrays import Arrays, DataError
from workloads.data.metric_check import check_metric
from workloads.data.prepare import prepare
from workloads.data.raw import NOT_COUNTED
from workloads.data.search_data import Prepared, SearchData
from workloads.data.sentences.describe import texts_of
from workloads.data.tagged.conll_file import MAX_WORDS, joined, read_conll, words_in
from workloads.data.tagged.schemes import scheme_of

ROWS = sentences(40)
FORMS: dict[str, tuple[str, dict[str, Any]]] = {
    "two columns": (conll(ROWS), {}),
    "tabs and further columns": (
        conll([[(str(k), word, "_", label, "x") for k, (word, label) in enumerate(words)] for words in ROWS], "\t"),
        {"text": "c1", "target": "c3"},
    ),
    "several blanks and Windows": (conll(ROWS, "   ").replace("\n", "  \r\n"), {}),
    "documents": ("-DOCSTART- -X- O O\n\n" + conll(ROWS).replace("\n\n", "\n\n\n"), {}),
    "a document without empty lines": ("-DOCSTART-\n" + conll(ROWS), {}),
    "comments": ("# text = Ann # lives\n" + conll(ROWS).replace("\n\n", "\n\n# about it\n"), {"comment": "#"}),
    "a byte order mark": ("\ufeff" + conll(ROWS), {}),
}


def of(folder: Path, content: str, **how: Any) -> Prepared:
    (folder / "it.conll").write_text(content, encoding="utf-8", newline="")
    return prepare(Data.model_validate({"conll": str(folder / "it.conll"), **how}))


def labels_of(search: SearchData, part: Arrays) -> list[list[str]]:
    return [[search.classes[code] for code in row if code != NOT_COUNTED] for row in part.y]


@pytest.mark.parametrize("form", FORMS)
def test_each_word_keeps_its_label(form: str, tmp_path: Path) -> None:
    text, how = FORMS[form]
    prepared = of(tmp_path, text, **how)
    parts = (prepared.search.train, prepared.search.val, prepared.test)
    found = {
        text: labels
        for part in parts
        for text, labels in zip(texts_of(part), labels_of(prepared.search, part), strict=True)
    }
    assert found == {" ".join(word for word, _ in words): [label for _, label in words] for words in ROWS}
    assert [len(part) for part in parts] == [28, 6, 6] and prepared.search.classes[-1] == "O"
    assert not set(texts_of(prepared.test)) & set(prepared.search.train.columns[0].values)


FAULTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "empty": ("", {}, r"it.conll holds no sentence"),
    "documents alone": ("-DOCSTART- O\n\n", {}, r"it.conll holds no sentence"),
    "one column": (
        "Ann\nlives\n",
        {},
        r"it.conll:1: must have a column of words and one of labels, .* received 'Ann'",
    ),
    "fewer columns": (
        "Ann NN B\nlives\n",
        {},
        r"it.conll:2: must have 3 columns, as line 1 has, received 1: 'lives'",
    ),
    "more columns": ("Ann B\n\nNew York B\n", {}, r"it.conll:3: must have 2 columns, as line 1 has, received 3"),
    "no label": ("Ann\tB\nlives\t\n", {}, r"it.conll:2: must have 2 columns"),
    "no word": ("Ann\tx\tB\n\tx\tB\n", {}, r"it.conll:2: must have 3 columns"),
    "no variety": (
        "Ann O\n\nBo O\n\nCleo O\n",
        {},
        r"the words of it.conll have all the label 'O': say by data.target",
    ),
    "one sentence": ("Ann B\nBo O\n", {}, r"it.conll must hold 3 sentences or more, .* received 1"),
    "no such column": ("Ann O\n", {"target": "c7"}, r"it.conll has no column 'c7'; its columns are c0 to c1"),
    "a text": ("a b\n" * (MAX_WORDS + 1), {}, r"it.conll:1: begins a sentence of more than 5000 words"),
    "words as labels": (
        "\n\n".join(f"x{k} w{k}" for k in range(1001)),
        {},
        r"holds 1001 different words such as w0, w1, w10: it must hold at most 1000 labels",
    ),
    "no documents": (conll(ROWS), {"split": {"group": "document"}}, r"data.split.group: too few groups"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_odd_files_are_refused_with_the_line(fault: str, tmp_path: Path) -> None:
    text, how, said = FAULTS[fault]
    with pytest.raises(DataError, match=said):
        of(tmp_path, text, **how)


def test_mixed_encodings_are_refused_with_the_line(tmp_path: Path) -> None:
    file = tmp_path / "it.conll"
    file.write_bytes("Jürgen B\n\n".encode() + "Jürgen B\n".encode("cp1252"))
    with pytest.raises(DataError, match=r"it.conll:3: byte 12 \(0xfc\) is no utf-8; data.encoding: "):
        prepare(Data(conll=str(file)))


def test_files_of_their_own_and_labels_that_train_lacks(tmp_path: Path) -> None:
    for name, rows in (("val", ROWS[:4]), ("test", [[("Zoe", "B-PER"), ("ran", "B-NEW")], [("Hm", "O")]])):
        (tmp_path / f"{name}.conll").write_text(conll(rows))
    own = {name: str(tmp_path / f"{name}.conll") for name in ("val", "test")}
    prepared = names(tmp_path, **own)
    assert prepared.card.rows == {"train": 40, "val": 4, "test": 2}
    assert any("test has the label 'B-NEW' (first in test.conll:2)" in note for note in prepared.card.notes)
    assert labels_of(prepared.search, prepared.test) == [["B-PER", "B-NEW"], ["O"]]
    assert "4 of 4 rows of val are exact copies of rows of train" in prepared.card.leaks[0]
    with pytest.raises(DataError, match="strict"):
        names(tmp_path, **own, strict=True)
    (tmp_path / "test.conll").write_text("Ann NNP\n\nBo NNP\n")
    with pytest.raises(DataError, match=r"test.conll:1: no label of it is one of names.conll's, such as 'NNP'"):
        names(tmp_path, **own)


def test_the_sentences_of_a_document_stay_together_and_folds_are_of_sentences(tmp_path: Path) -> None:
    text = "\n".join(f"-DOCSTART- O\n\n{conll(ROWS[k : k + 4])}" for k in range(0, 40, 4))
    prepared = of(tmp_path, text, split={"group": "document", "folds": 3})
    document = {" ".join(word for word, _ in words): k // 4 for k, words in enumerate(ROWS)}
    parts = {"train": prepared.search.train, "val": prepared.search.val, "test": prepared.test}
    found = {name: {document[text] for text in texts_of(part)} for name, part in parts.items()}
    assert sum(map(len, found.values())) == 10 and prepared.test.groups is not None
    pool = texts_of(parts["train"]) + texts_of(parts["val"])
    for train, val in prepared.search.folds:
        assert not {document[pool[k]] for k in train} & {document[pool[k]] for k in val}


def test_the_card_counts_words_and_labels(tmp_path: Path) -> None:
    card = names(tmp_path).card
    assert (card.kind, card.problem, card.classes) == (
        "tagged",
        "tagging",
        ("B-LOC", "B-PER", "I-LOC", "I-PER", "O"),
    )
    assert [sum(card.class_counts[name]) for name in card.rows] == [
        card.details[f"words_in_{n}"] for n in card.rows
    ]
    assert card.details["labels"] == "of spans" and card.details["words_longest"] == 15
    assert str(card.details["unknown_words_in_test"]).endswith("%")


def test_words_with_white_space_and_accents_stay_one_word(tmp_path: Path) -> None:
    file = tmp_path / "it.conll"
    file.write_text("1 000\tO\nCafe\u0301\tO\n\u00a0\tO\n.\tO\n", encoding="utf-8")
    [sentence] = read_conll(str(file), Data(conll=str(file)))
    assert words_in(sentence.text) == ["1_000", "Caf\u00e9", "_", "."] and words_in(joined([])) == []


@pytest.mark.parametrize(
    ("labels", "kinds"),
    [
        (("B-PER", "I-PER", "O"), ("PER",)),
        (("S-A", "B-A", "I-A", "E-A", "O", "U-B", "L-B"), ("A", "B")),
        (("B", "M", "E", "S"), ("",)),
        (("NN", "VB", "O"), None),
        (("O",), None),
        (("S", "M", "L"), None),
    ],
)
def test_labels_of_spans_are_told_by_their_prefixes(labels: tuple[str, ...], kinds: tuple[str, ...] | None) -> None:
    scheme = scheme_of(labels)
    assert (scheme and scheme.names) == kinds


def test_a_validation_split_with_one_label_has_no_f1(tmp_path: Path) -> None:
    prepared = names(tmp_path)
    check_metric("val_f1", prepared.search, prepared.test)
    outside = Arrays(prepared.test.x, np.where(prepared.test.y >= 0, 4, NOT_COUNTED), prepared.test.columns)
    with pytest.raises(DataError, match=r"val_f1 needs two labels in the rows .* one in the test split"):
        check_metric("val_f1", prepared.search, outside)
