"""Texts: split by position, coded by the training part, each character predicted once, and refused by the byte."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from search_spaces.spec.data import Data, Split
from search_spaces.spec.files.encodings import UNSURE, EncodingFault, decoded
from tests.helpers.sequence_data import RHYME, text
from workloads.arrays import DataError
from workloads.data.prepare import prepare
from workloads.data.raw import NOT_COUNTED
from workloads.data.sources.text import UNKNOWN, windows
from workloads.models.recurrent.sample_text import spelled
from workloads.tasks.language import Language

LETTERS = "".join(chr(ord("a") + i % 26) for i in range(200))


def test_parts_follow_each_other_and_windows_lie_within_them(tmp_path: Path) -> None:
    prepared = text(tmp_path, LETTERS)
    parts = {"train": prepared.search.train, "val": prepared.search.val, "test": prepared.test}
    bounds = {"train": (0, 140), "val": (140, 170), "test": (170, 200)}
    for name, part in parts.items():
        first, end = bounds[name]
        for row, start in enumerate(prepared.indices[name]):
            assert first <= start and start + 8 < end
            assert spelled(part.x[row], prepared.search.vocabulary) == LETTERS[start : start + 8]
            counted = part.y[row] != NOT_COUNTED
            expected = np.array(list(LETTERS[start + 1 : start + 9]))[counted]
            assert spelled(part.y[row][counted], prepared.search.vocabulary) == "".join(expected)
    assert prepared.card.kind == "text" and prepared.card.problem == "language"
    assert prepared.card.details["characters"] == 26


def test_training_windows_lie_end_to_end_and_all_their_targets_count(tmp_path: Path) -> None:
    prepared = text(tmp_path, LETTERS)
    assert prepared.indices["train"].tolist() == list(range(0, 130, 8))
    assert (prepared.search.train.y > UNKNOWN).all()


@pytest.mark.parametrize("window", [1, 2, 7, 8, 29])
def test_each_later_character_is_predicted_once_with_half_a_window_or_more(tmp_path: Path, window: int) -> None:
    prepared = text(tmp_path, LETTERS, window=window)
    val = prepared.search.val
    rows, steps = np.nonzero(val.y != NOT_COUNTED)
    targets = prepared.indices["val"][rows] + steps + 1
    assert sorted(targets) == list(range(141, 170))
    assert (steps[rows > 0] + 1 >= window / 2).all()


def test_characters_that_training_does_not_hold_are_one_code_and_counted(tmp_path: Path) -> None:
    prepared = text(tmp_path, "ab" * 70 + "abé" * 10 + "abö" * 10)
    details = prepared.card.details
    assert (details["unknown_in_val"], details["unknown_in_test"]) == (10, 10)
    assert prepared.card.notes[1] == "10 characters of test are none of the training part's: they count as one"
    assert prepared.search.num_outputs == 3
    assert set(np.unique(prepared.search.val.x)) == {UNKNOWN, 1, 2}
    assert spelled(prepared.test.x[0][:3], "ab") == "ab\ufffd"


def test_a_text_of_its_own_is_the_test_part(tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("zebra" * 10)
    prepared = text(tmp_path, LETTERS, test=str(tmp_path / "other.txt"))
    assert prepared.card.rows["test"] == math.ceil((50 - 8 - 1) / 4) + 1
    assert prepared.indices["val"][0] == round(200 * 0.7 / 0.85)


def test_fractions_are_the_spec_s(tmp_path: Path) -> None:
    prepared = text(tmp_path, LETTERS, split=Split(train=0.5, val=0.25, test=0.25))
    assert (prepared.indices["val"][0], prepared.indices["test"][0]) == (100, 150)


def test_loss_is_torch_s_over_the_targets_that_count(tmp_path: Path) -> None:
    torch.manual_seed(0)
    x = torch.arange(6 * 4).view(6, 4)
    y = torch.randint(0, 5, (6, 4))
    y[2:, :2] = NOT_COUNTED
    logits = torch.randn(3, 6, 4, 5, dtype=torch.float64)
    task = Language()
    pieces = [
        task.evaluate(lambda x: logits[:, x[:, 0] // 4], x[part], y[part]) for part in (slice(4), slice(4, 6))
    ]
    values = {name: torch.cat([piece[name] for piece in pieces], 1) for name in pieces[0]}
    found = task.metrics(values, y)
    for k in range(3):
        nats = torch.nn.functional.cross_entropy(logits[k].flatten(0, 1), y.flatten(), ignore_index=NOT_COUNTED)
        assert_close(found["loss"][k], nats)
        assert_close(found["bits_per_character"][k], nats / math.log(2))
        assert_close(found["accuracy"][k], (logits[k].argmax(-1) == y)[y >= 0].double().mean())


def test_training_loss_is_torch_s_over_all_characters() -> None:
    torch.manual_seed(0)
    logits, y = torch.randn(3, 6, 4, 5, dtype=torch.float64), torch.randint(0, 5, (6, 4))
    smoothing = torch.tensor([0.0, 0.1, 0.5], dtype=torch.float64)
    found = Language().loss(lambda x: logits, y, y, {"label_smoothing": smoothing})
    for k in range(3):
        flat = logits[k].flatten(0, 1)
        expected = torch.nn.functional.cross_entropy(flat, y.flatten(), label_smoothing=float(smoothing[k]))
        assert_close(found["loss"][k], expected)
        bits = torch.nn.functional.cross_entropy(flat, y.flatten()) / math.log(2)
        assert_close(Language().over_epoch(found)["train_bits_per_character"][k], bits)


def test_of_equal_outputs_the_first_is_predicted() -> None:
    """Outputs that do not differ tell nothing: the accuracy is that of always saying the first character."""
    y = torch.tensor([[0, 1, 2, 3]])
    values = Language().evaluate(lambda x: torch.zeros(1, 4, 5), y, y)
    assert Language().metrics({name: value[None] for name, value in values.items()}, y)["accuracy"] == 0.25
    found = Language().loss(lambda x: torch.zeros(1, 4, 5), y, y, {"label_smoothing": torch.zeros(())})
    assert found["train_accuracy"] == 0.25


@pytest.mark.parametrize(
    ("raw", "encoding", "position", "likely"),
    [
        ("Füße".encode("latin-1"), "utf-8", 1, "cp1252"),
        ("na\u00efve text".encode("utf-16"), "utf-8", 0, "utf-16"),
        (b"ab\x81", "utf-8", 2, UNSURE),
        ("plain".encode("utf-16-le"), "utf-8", 1, "utf-16-le"),
        ("съешь ещё".encode("cp1251"), "utf-8", 0, UNSURE),
        ("いろは".encode("shift_jis"), "utf-8", 0, UNSURE),
        (b"%PDF-1.4\0\0", "utf-8", 8, UNSURE),
        (b"abc\0d", "latin-1", 3, UNSURE),
        ("aü".encode(), "ascii", 1, "utf-8"),
    ],
)
def test_the_first_byte_that_is_no_text_is_named(raw: bytes, encoding: str, position: int, likely: str) -> None:
    with pytest.raises(EncodingFault, match=f"byte {position} ") as caught:
        decoded(raw, encoding)
    assert caught.value.likely == likely


def test_a_byte_order_mark_is_no_character() -> None:
    assert decoded(b"\xef\xbb\xbfa\r\n", "utf-8") == "a\r\n"
    assert decoded("aü".encode("utf-16"), "utf-16") == "aü"


def test_a_text_is_read_in_its_encoding_or_refused(tmp_path: Path) -> None:
    content = ("Füße " * 50).encode("latin-1")
    path = tmp_path / "german.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"german.txt: byte 1 \(0xfc\) is no utf-8; data.encoding: cp1252\?"):
        prepare(Data(text=str(path), window=8))
    assert "ü" in prepare(Data(text=str(path), window=8, encoding="latin-1")).search.vocabulary


def test_a_compressed_text_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rhyme.txt.gz"
    path.write_bytes(gzip.compress((RHYME * 20).encode()))
    found = prepare(Data(text=str(path), window=8)).search
    assert set(found.vocabulary) == set(RHYME)


@pytest.mark.parametrize(
    ("content", "expected"),
    [("", "train part of some.txt holds 0 characters"), (RHYME, "val part of some.txt holds 7 characters")],
)
def test_a_text_that_is_too_short_is_refused(tmp_path: Path, content: str, expected: str) -> None:
    with pytest.raises(DataError, match=expected):
        text(tmp_path, content)


def test_windows_mark_what_a_former_one_holds() -> None:
    found = windows(np.arange(10), np.array([0, 2, 5]), 4)
    assert found.x.tolist() == [[0, 1, 2, 3], [2, 3, 4, 5], [5, 6, 7, 8]]
    assert found.y.tolist() == [[1, 2, 3, 4], [-1, -1, 5, 6], [-1, 7, 8, 9]]
