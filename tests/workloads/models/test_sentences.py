"""The recurrent workload on sentences: padding never counts, fused is plain, vocabularies are of training texts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from tests.helpers.fused_and_plain import agree
from tests.helpers.paths import ROOT
from tests.helpers.reviews import BAD, GOOD, reviews
from tests.helpers.soak import pairs
from tests.helpers.workload_data import train
from workloads.arrays import DataShape, Infeasible
from workloads.data.epoch_order import by_length, epoch_order
from workloads.data.first_features import features_of_rows
from workloads.data.sentences.describe import rows_of
from workloads.layers.text_codes import padded
from workloads.models.recurrent.tokens import NUM_RESERVED, SEPARATOR, UNKNOWN, Tokens, learned
from workloads.models.recurrent.workload import CELL_NAMES, POOLING_NAMES, RecurrentHyperparameters, told_first
from workloads.registry import workload
from workloads.training.batches import without_padding
from workloads.training.plain_loop import PlainLoop
from workloads.training.setup import Setup, Trainee

CPU = torch.device("cpu")
CASES = [(pooling, both) for pooling in POOLING_NAMES for both in (False, True)]
FUSED = [("last", True), ("mean", False), ("max", True), ("attention", False)]
LEARN = """
import sys
from workloads.models.recurrent.tokens import learned
print(learned(sys.argv[1:], "subwords", 300, 9).byte_pairs)
"""


def hyperparameters(**params: Any) -> RecurrentHyperparameters:
    small: dict[str, Any] = {"batch_size": 8, "lr": 0.005, "width": 4, "heads": 2, "depth": 2, "max_length": 12}
    return RecurrentHyperparameters(**{**small, **params})


def setup(folder: Path, hp: RecurrentHyperparameters | None = None, **how: Any) -> Setup:
    kind, search = workload("recurrent"), reviews(folder, **how).search
    return Setup(kind, kind.data(hp or hyperparameters(), search, CPU, torch.float64))


def model_of(cell: str, pooling: str, bidirectional: bool) -> nn.Module:
    hp = hyperparameters(cell=cell, pooling=pooling, bidirectional=bidirectional, width=8, max_length=64)
    torch.manual_seed(0)
    return workload("recurrent").build(hp, DataShape((40,), 3, num_tokens=50)).eval()


@pytest.mark.parametrize("cell", CELL_NAMES)
def test_a_text_alone_gives_what_it_gives_beside_longer_ones(cell: str) -> None:
    """Outputs and gradients; so does a text of one token."""
    draw = torch.Generator().manual_seed(0)
    texts = [torch.randint(1, 50, (length,), generator=draw) for length in (1, 5, 12, 20)]
    together = nn.utils.rnn.pad_sequence(texts, batch_first=True)
    for pooling, bidirectional in CASES:
        model = model_of(cell, pooling, bidirectional)
        for table in (module for module in model.modules() if isinstance(module, nn.Embedding)):
            table.weight.data *= 10  # vectors begin small, and outputs would hardly differ
        found = model(together)
        for text, output in zip(texts, found, strict=True):
            assert_close(model(text.unsqueeze(0))[0], output, rtol=1e-5, atol=1e-5)
        parameters = list(model.parameters())
        whole = torch.autograd.grad(found.square().sum(), parameters)
        each = [torch.autograd.grad(model(text.unsqueeze(0)).square().sum(), parameters) for text in texts]
        assert_close(whole, tuple(map(sum, zip(*each, strict=True))), rtol=1e-4, atol=1e-5)
        assert found.std(0).min() > 1e-3, "texts give different outputs"


@pytest.mark.parametrize("cell", CELL_NAMES)
def test_the_order_of_tokens_counts_and_both_directions_reach_the_ends(cell: str) -> None:
    for pooling in POOLING_NAMES:
        model = model_of(cell, pooling, bidirectional=True)
        first, second = torch.tensor([[3, 4, 5, 6]]), torch.tensor([[6, 4, 5, 3]])
        assert (model(first) - model(second)).abs().max() > 1e-4


@pytest.mark.parametrize(("cell", "pooling", "both"), pairs(CELL_NAMES, FUSED))
def test_a_fused_cohort_agrees_with_plain_trainings(cell: str, pooling: str, both: bool, tmp_path: Path) -> None:
    """Of members with one seed and different dropout, and of members with different seeds."""
    shared = setup(tmp_path)
    params = {"cell": cell, "pooling": pooling, "bidirectional": both, "depth": 1 + both, "batch_size": 12}
    agree(shared, [Trainee(0, hyperparameters(dropout=rate, **params)) for rate in (0.0, 0.4)])
    agree(shared, [Trainee(seed, hyperparameters(**params)) for seed in (3, 1)])


@pytest.mark.parametrize("how", [{}, {"target": "stars"}, {"text": ["also", "review"]}])
def test_words_are_learned_and_a_resumed_training_equals_an_uninterrupted_one(how: Any, tmp_path: Path) -> None:
    shared, one = setup(tmp_path, **how), Trainee(0, hyperparameters(width=8, lr=0.02, depth=1))
    whole, begun, resumed = (PlainLoop(shared, one) for _ in range(3))
    records = train(whole, 8)
    train(begun, 4)
    resumed.load(0, begun.state(0))
    resumed.epoch_done = 4
    assert train(resumed, 4)[-1][0]["val_loss"] == pytest.approx(records[-1][0]["val_loss"], rel=1e-9)
    metric, least = ("val_r2", 0.5) if "target" in how else ("val_accuracy", 0.9)
    assert records[-1][0][metric] >= least


def test_batches_are_of_alike_lengths_and_hold_every_example_once() -> None:
    lengths = torch.randint(1, 60, (1003,), generator=torch.Generator().manual_seed(0))
    order = epoch_order([5, 6], 2, 1003, CPU)
    found = by_length(order, lengths, 10, epoch=2)
    for row in (0, 1):
        assert found[row].sort().values.tolist() == list(range(1003))
        assert torch.equal(found[row], by_length(order[row], lengths, 10, epoch=2)), "a member alone has the same"
    spread = lengths[found[0, :1000]].view(100, 10)
    assert (spread.max(1).values - spread.min(1).values).float().mean() < 6
    assert spread[:, 0].diff().abs().float().mean() > 10, "batches are shuffled"
    starts = [by_length(epoch_order([5], epoch, 1003, CPU), lengths, 10, epoch)[:10].tolist() for epoch in (0, 1)]
    assert starts[0] != starts[1]
    few = torch.arange(7)
    assert torch.equal(by_length(few, lengths, 10, 0), few)


def test_a_batch_is_cut_to_its_longest_text(tmp_path: Path) -> None:
    assert without_padding(padded([[3] * 9, [4]])).shape == (2, 9)
    assert without_padding(torch.cat([padded([[3] * 9, [4]]), torch.zeros(2, 40, dtype=torch.int64)], 1)).shape == (
        2,
        16,
    )
    shared = setup(tmp_path, hyperparameters(max_length=64))
    sizes = {x.shape[-1] for x, _ in shared.batches([Trainee(0, hyperparameters())], 0)}
    assert len(sizes) > 1 and max(sizes) <= shared.data.x_train.shape[1]


def test_the_vocabulary_is_of_training_texts_alone_and_the_most_frequent(tmp_path: Path) -> None:
    search = reviews(tmp_path).search
    data = workload("recurrent").data(hyperparameters(vocabulary=4), search, CPU, torch.float32)
    tokens = data.prepare.tokens
    assert set(tokens.vocabulary) <= {"film", "is", *" ".join(FREQUENT).split()} and len(tokens.vocabulary) == 4
    assert data.shape.num_tokens == 4 + NUM_RESERVED and data.x_train.max() < data.shape.num_tokens
    rows = rows_of(search.val.x, search.val.columns)
    assert torch.equal(data.x_val, padded(tokens.coded(rows)))
    assert (data.x_val == UNKNOWN).any() and not (data.x_train == 0).all(1).any()


FREQUENT = ("to me and to all who saw it on that evening", "after all that was said of it", *GOOD, *BAD)


def test_texts_that_are_empty_long_or_in_any_script_have_codes() -> None:
    tokens = learned(["a b a b c c", "a b"], "words", 2, max_length=5)
    assert tokens.vocabulary == ("a", "b"), "the most frequent"
    assert tokens.coded([("",), ("a x B  a",), ("a " * 100_000,)]) == [[1], [3, 1, 4, 3], [3] * 5]
    assert tokens.coded([("a", "b"), ("a a a a", "b"), ("a", "b b b b"), ("", "")]) == [
        [3, SEPARATOR, 4],
        [3, 3, 3, SEPARATOR, 4],
        [3, SEPARATOR, 4, 4, 4],
        [SEPARATOR],
    ]
    assert tokens.coded([("a a a a", "b b b b")]) == [[3, 3, SEPARATOR, 4, 4]]
    assert tokens.share_cut([("a a a a a a",), ("a",)]) == 0.5
    for kind in ("words", "characters"):
        found = learned(["\u05e9\u05dc\u05d5\u05dd \u4f60\u597d \U0001f600!"] * 2, kind, 50, 20)
        [codes] = found.coded([("\u05e9\u05dc\u05d5\u05dd \u4f60\u597d \U0001f600!",)])
        assert len(codes) > 2 and UNKNOWN not in codes


@pytest.mark.parametrize("kind", ["words", "characters", "subwords"])
def test_a_saved_vocabulary_gives_the_same_codes(kind: str) -> None:
    if kind == "subwords":
        pytest.importorskip("tokenizers", reason="the extra language is not installed")
    texts = ["The film is fine", "a film that is fine \U0001f600", "the dull film"]
    tokens = learned(texts, kind, 300, 20)
    again = Tokens.of_json(tokens.to_json())
    assert again == tokens
    new = [("a dull thing \u4f60",), ("",)]
    assert again.coded(new) == tokens.coded(new)
    assert max(max(row) for row in tokens.coded(new)) < tokens.num_codes


def test_subwords_are_the_same_in_another_process_and_know_every_text() -> None:
    pytest.importorskip("tokenizers", reason="the extra language is not installed")
    texts = [f"film {k} is {word}" for k, word in enumerate([*GOOD, *BAD] * 3)]
    tokens = learned(texts, "subwords", 300, 9)
    told = subprocess.run(
        [sys.executable, "-c", LEARN, *texts], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == tokens.byte_pairs
    [codes] = tokens.coded([("\u4f60",)])
    assert len(codes) > 1 and UNKNOWN not in codes
    with pytest.raises(Infeasible, match="vocabulary must be more than 256 with subwords"):
        learned(texts, "subwords", 256, 9)


def test_without_its_library_subwords_are_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(Infeasible, match=r"pip install 'paceline\[language\]'"):
        learned(["a"], "subwords", 300, 9)


def test_what_is_cut_is_told_once_before_the_start(tmp_path: Path) -> None:
    search = reviews(tmp_path).search
    assert told_first(hyperparameters(max_length=64), search) is None
    told = told_first(hyperparameters(max_length=5), search) or ""
    assert told.startswith("max_length: 5 cuts ") and told.endswith("% of the training texts")


def test_sentences_have_no_features_of_a_table(tmp_path: Path) -> None:
    assert features_of_rows(hyperparameters(), reviews(tmp_path).search, [0, 1]) is None
