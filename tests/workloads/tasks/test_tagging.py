"""The task of labelled words: spans as conlleval counts them, real words alone, sums that add up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from sklearn.metrics import f1_score
from torch import Tensor
from torch.nn import functional as F
from torch.testing import assert_close

from workloads.arrays import DataShape
from workloads.data.raw import NOT_COUNTED
from workloads.data.tagged.schemes import scheme_of
from workloads.tasks.by_problem import task_of
from workloads.tasks.spans import label_scores, span_scores
from workloads.tasks.tagging import Tagging, is_read

BIO = ("B-LOC", "B-PER", "I-LOC", "I-PER", "O")
IOBES = (*(f"{prefix}-{kind}" for prefix in "BIES" for kind in "AB"), "O")
BY_HAND = {
    # truth, prediction: (true spans, predicted spans, spans that are the same)
    "exact": ("B-PER I-PER O B-LOC", "B-PER I-PER O B-LOC", (2, 2, 2)),
    "one word short": ("B-PER I-PER O B-LOC", "B-PER O O B-LOC", (2, 2, 1)),
    "one word more": ("B-PER I-PER O O", "B-PER I-PER I-PER O", (1, 1, 0)),
    "another kind": ("B-PER I-PER O O", "B-LOC I-LOC O O", (1, 1, 0)),
    "two that touch": ("B-PER B-PER I-PER O", "B-PER I-PER I-PER O", (2, 1, 0)),
    "IOB1: begins with I": ("I-PER I-PER O I-LOC", "B-PER I-PER O B-LOC", (2, 2, 2)),
    "the kind changes within": ("B-PER I-LOC I-LOC O", "B-PER B-LOC I-LOC O", (2, 2, 2)),
    "a span at the end": ("O O B-LOC I-LOC", "O O B-LOC O", (1, 1, 0)),
    "nothing found": ("B-PER O O O", "O O O O", (1, 0, 0)),
    "nothing there": ("O O O O", "O B-PER O B-LOC", (0, 2, 0)),
}


def codes(words: str | Sequence[str], labels: Sequence[str], width: int = 0) -> Tensor:
    found = [labels.index(word) for word in (words.split() if isinstance(words, str) else words)]
    return torch.tensor(found + [NOT_COUNTED] * (width - len(found)))


def scores(there: int, found: int, same: int) -> dict[str, float]:
    """Return what conlleval prints, as fractions."""
    precision, recall = same / found if found else 0.0, same / there if there else 0.0
    both = precision + recall
    return {"precision": precision, "recall": recall, "f1": 2 * precision * recall / both if both else 0.0}


def spans(labels: Sequence[str]) -> set[tuple[int, int, str]]:
    """Return the spans by conlleval's own rules, startOfChunk and endOfChunk, written after its Perl.

    https://www.clips.uantwerpen.be/conll2000/chunking/conlleval.txt; S and E as in seqeval, which has them beside.
    """
    found, begun = set(), 0
    before, kind_before = "O", ""
    for place, label in enumerate([*labels, "O"]):
        prefix, _, kind = label.partition("-")
        other = kind_before != kind
        ends = (before, prefix) in {("B", "B"), ("B", "S"), ("B", "O"), ("I", "B"), ("I", "S"), ("I", "O")}
        ends = before != "O" and (ends or before in "ES" or other)
        starts = prefix in "BS" or (before, prefix) in {(a, b) for a in "ESO" for b in "EI"}
        starts = prefix != "O" and (starts or other)
        if ends:
            found.add((begun, place, kind_before))
        begun = place if starts else begun
        before, kind_before = prefix, kind
    return found


@pytest.mark.parametrize("case", BY_HAND)
def test_spans_by_hand(case: str) -> None:
    truth, predicted, counts = BY_HAND[case]
    scheme = scheme_of(BIO)
    assert scheme is not None
    y = codes(truth, BIO, 6)
    found = span_scores(codes(predicted, BIO, 6)[None, None], y[None], scheme)
    assert {name: value.item() for name, value in found.items()} == pytest.approx(scores(*counts))


@pytest.mark.parametrize("labels", [BIO, IOBES])
def test_spans_are_those_of_conlleval_whatever_the_labels_are(labels: tuple[str, ...]) -> None:
    """Of random labels, which contradict each other as often as not; for two members at once."""
    draw = torch.Generator().manual_seed(0)
    scheme = scheme_of(labels)
    assert scheme is not None
    lengths = torch.randint(1, 13, (300,), generator=draw)
    behind = torch.arange(12) >= lengths[:, None]
    y = torch.randint(0, len(labels), (300, 12), generator=draw).masked_fill(behind, NOT_COUNTED)
    other = torch.randint(0, len(labels), (2, 300, 12), generator=draw)
    predicted = torch.where(torch.rand(2, 300, 12, generator=draw) < 0.7, y, other).masked_fill(behind, NOT_COUNTED)
    found = span_scores(predicted, y, scheme)
    for member in range(2):
        counts = [0, 0, 0]
        for k, length in enumerate(lengths.tolist()):
            there, said = (spans([labels[c] for c in row[k, :length].tolist()]) for row in (y, predicted[member]))
            counts = [a + b for a, b in zip(counts, (len(there), len(said), len(there & said)), strict=True)]
        assert {name: v[member].item() for name, v in found.items()} == pytest.approx(scores(*counts))
        assert counts[2] > 100


def test_labels_without_spans_have_the_mean_over_labels() -> None:
    draw = torch.Generator().manual_seed(1)
    y = torch.randint(0, 4, (50, 7), generator=draw)
    predicted = torch.randint(0, 4, (1, 50, 7), generator=draw)
    y[:, 5:] = NOT_COUNTED
    expected = f1_score(y[:, :5].flatten(), predicted[0, :, :5].flatten(), average="macro")
    assert label_scores(predicted, y, 4)["f1"].item() == pytest.approx(expected)
    predicted[0, :, 4] = NOT_COUNTED
    missed = predicted[0, :, :5].flatten()
    expected = f1_score(y[:, :5].flatten(), missed, average="macro", labels=range(4))
    assert label_scores(predicted, y, 4)["f1"].item() == pytest.approx(expected)


def batch(num: int = 6, width: int = 5) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(2)
    logits = torch.randn(num, width, len(BIO), generator=draw, dtype=torch.float64)
    y = torch.randint(0, len(BIO), (num, width), generator=draw)
    lengths = torch.randint(1, width + 1, (num, 1), generator=draw)
    return logits, y.masked_fill(torch.arange(width) >= lengths, NOT_COUNTED)


def loss(task: Tagging, logits: Tensor, y: Tensor, smoothing: float = 0.0) -> dict[str, Any]:
    numbers = {"label_smoothing": torch.tensor(smoothing, dtype=torch.float64)}
    return task.loss(lambda _: logits, logits, y, numbers)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_only_real_words_have_a_loss(smoothing: float) -> None:
    """It is torch's, over the sentences' mean number of words; what padding and cut words would give is nothing."""
    logits, y = batch()
    mean = (y != NOT_COUNTED).double().sum(1).mean().item()
    task = Tagging(BIO, mean)
    real = y != NOT_COUNTED
    expected = F.cross_entropy(logits[real], y[real], label_smoothing=smoothing)
    found = loss(task, logits, y, smoothing)
    assert_close(found["loss"], expected)
    wild = logits.masked_fill(~real[..., None], 1e6)
    assert_close(loss(task, wild, y, smoothing)["loss"], expected)
    wider = F.pad(y, (0, 3), value=NOT_COUNTED)
    assert_close(loss(task, logits, wider, smoothing)["loss"], expected)
    told = task.over_epoch({name: value for name, value in found.items() if name != "loss"})
    assert told["train_loss"].item() == pytest.approx(F.cross_entropy(logits[real], y[real]).item())
    assert told["train_accuracy"].item() == pytest.approx(
        (logits.argmax(-1)[real] == y[real]).double().mean().item()
    )


def test_gradients_of_parts_add_up_to_that_of_the_whole() -> None:
    logits, y = batch()
    task = Tagging(BIO, 2.0)
    leaf = logits.clone().requires_grad_()
    (whole,) = torch.autograd.grad(loss(task, leaf, y)["loss"], leaf)
    parts = [4 / 6 * loss(task, leaf[:4], y[:4])["loss"], 2 / 6 * loss(task, leaf[4:], y[4:])["loss"]]
    assert_close(torch.autograd.grad(sum(parts), leaf)[0], whole)


def test_a_word_that_is_not_read_counts_as_wrong_and_as_outside() -> None:
    """Its loss is that of a model that says nothing."""
    task = Tagging(BIO, 4.0)
    y = codes("B-PER I-PER O B-LOC", BIO)[None]
    sure = 50.0 * F.one_hot(y, len(BIO)).double()
    whole, cut = (task.metrics(_members(task.evaluate(lambda _, x=x: x, x, y)), y) for x in (sure, sure[:, :3]))
    assert {name: value.item() for name, value in whole.items()} == pytest.approx(
        {"loss": 0.0, "accuracy": 1.0, "precision": 1.0, "recall": 1.0, "f1": 1.0}
    )
    assert {name: value.item() for name, value in cut.items()} == pytest.approx(
        {"loss": math.log(5) / 4, "accuracy": 0.75, "precision": 1.0, "recall": 0.5, "f1": 2 / 3}
    )


def test_a_word_whose_labels_are_equally_likely_is_read() -> None:
    """As bfloat16 rounds two logits to the same one; a word that is not read has zeros, one of NaN no label."""
    logits = torch.tensor([[[1.0078125, 1.0078125], [0.0, -0.0], [math.nan, 1.0]]], dtype=torch.bfloat16)
    y = torch.zeros(1, 3, dtype=torch.int64)
    found = Tagging(("N", "V"), 3.0).evaluate(lambda _: logits, logits, y)
    assert found["predicted"].tolist() == [[0, NOT_COUNTED, NOT_COUNTED]]
    assert is_read(logits).tolist() == [[True, False, False]]


def _members(values: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.unsqueeze(0) for name, value in values.items()}


def test_the_task_follows_from_the_data() -> None:
    shape = DataShape((4,), 5, "tagging", labels=BIO, words_a_sentence=3.0)
    assert task_of(shape, "val_f1") == Tagging(BIO, 3.0)
