"""The recurrent workload on labelled words: padding never counts, fused is plain, rare words have forms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from cluster.sweep.data_process import check_first
from tests.helpers.fused_and_plain import agree
from tests.helpers.tagged import names
from tests.helpers.workload_data import train
from workloads.arrays import DataError, DataShape
from workloads.data.sentences.describe import texts_of
from workloads.models.recurrent.tokens import UNKNOWN
from workloads.models.recurrent.words import Words, learned_words
from workloads.models.recurrent.workload import CELL_NAMES, RecurrentHyperparameters
from workloads.registry import workload
from workloads.training.plain_loop import PlainLoop
from workloads.training.setup import Setup, Trainee

CPU = torch.device("cpu")


def hyperparameters(**params: Any) -> RecurrentHyperparameters:
    small: dict[str, Any] = {"batch_size": 8, "lr": 0.005, "width": 4, "heads": 2, "bidirectional": True}
    return RecurrentHyperparameters(**{**small, **params})


def setup(folder: Path, **how: Any) -> Setup:
    kind = workload("recurrent")
    return Setup(kind, kind.data(hyperparameters(), names(folder, **how).search, CPU, torch.float64))


@pytest.mark.parametrize("cell", CELL_NAMES)
def test_a_sentence_alone_gives_what_it_gives_beside_longer_ones(cell: str) -> None:
    draw = torch.Generator().manual_seed(0)
    rows = [torch.randint(1, 50, (length,), generator=draw) for length in (1, 5, 12, 20)]
    hp, shape = hyperparameters(cell=cell, width=8, depth=2), DataShape((20,), 5, "tagging", num_tokens=50)
    model = workload("recurrent").build(hp, shape).eval()
    found = model(nn.utils.rnn.pad_sequence(rows, batch_first=True))
    assert found.shape == (4, 20, 5)
    for row, output in zip(rows, found, strict=True):
        assert_close(model(row.unsqueeze(0))[0], output[: len(row)], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("cell", ["lstm", "transformer"])
def test_a_fused_cohort_agrees_with_plain_trainings(cell: str, tmp_path: Path) -> None:
    """Of members with one seed and different dropout and smoothing, and of members with different seeds."""
    shared = setup(tmp_path)
    agree(shared, [Trainee(0, hyperparameters(cell=cell, dropout=r, label_smoothing=r / 2)) for r in (0.0, 0.4)])
    agree(shared, [Trainee(seed, hyperparameters(cell=cell, micro_batch=3)) for seed in (3, 1)])


def test_names_are_learned_and_a_resumed_training_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    shared, one = setup(tmp_path), Trainee(0, hyperparameters(width=16, lr=0.02))
    whole, begun, resumed = (PlainLoop(shared, one) for _ in range(3))
    records = train(whole, 8)
    train(begun, 4)
    resumed.load(0, begun.state(0))
    resumed.epoch_done = 4
    assert train(resumed, 4)[-1][0]["val_loss"] == pytest.approx(records[-1][0]["val_loss"], rel=1e-9)
    assert records[-1][0]["val_f1"] > 0.9 and records[-1][0]["train_accuracy"] > 0.95


def test_each_word_has_one_code_and_rare_ones_that_of_their_form(tmp_path: Path) -> None:
    words = learned_words(["Ann saw Ann and Bo", "it rained and snowed", "May hailed"], 10)
    assert set(words.vocabulary) == {"Ann", "and", "x ", "Xx ", "x ned", "x wed"} - {"x ned", "x wed"}
    [codes] = words.coded([("Ann poured Ann Zoe and 7",)])
    assert codes[0] == codes[2] != codes[3] and codes[5] == UNKNOWN and len(codes) == 6
    assert Words.of_json(words.to_json()) == words
    assert words.coded([("",)]) == [[]]
    search = names(tmp_path).search
    data = workload("recurrent").data(hyperparameters(), search, CPU, torch.float32)
    lengths = [len(text.split(" ")) for text in texts_of(search.train)]
    assert (data.x_train != 0).sum(1).tolist() == lengths == (data.y_train >= 0).sum(1).tolist()


@pytest.mark.parametrize("idle", ["class_weights", "sampling"])
def test_what_is_of_classes_of_rows_is_refused(idle: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"parameters.{idle}: has no effect on tagging, only on classification"):
        check_first("recurrent", {idle: "balanced"}, names(tmp_path).search)


def test_pooling_and_tokenizer_are_not_offered() -> None:
    known = RecurrentHyperparameters.__dataclass_fields__
    kinds = {name: known[name].metadata for name in ("pooling", "tokenizer", "max_length", "vocabulary")}
    assert [name for name, facts in kinds.items() if "tagged" in str(facts)] == ["vocabulary"]
