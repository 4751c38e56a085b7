"""Training options of a text encoder: rates by layer, precision, attention, adapters, dropout, batches."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from search_spaces.space.domains import Choice
from search_spaces.space.hyperparameters import hyperparameters
from search_spaces.space.idle import idle
from search_spaces.space.space import Space
from search_spaces.spec.sweep import parse_sweep
from search_spaces.types.faults import SpecError
from tests.helpers.workload_data import SMALL, sentences, train, trainee
from workloads.arrays import DataShape, Infeasible
from workloads.models.language.hyperparameters import LanguageHyperparameters
from workloads.models.language.outline import outline
from workloads.models.language.pretrained import encoder_of, tokens_of
from workloads.models.language.workload import build, check
from workloads.registry import catalogue, workload
from workloads.training.evaluate import per_example
from workloads.training.optimizers import groups
from workloads.training.plain_loop import PlainLoop
from workloads.training.setup import Setup

ROWS = DataShape((1,), 2)
MODES = ("last_layers", "full", "lora")


def loop_of(dtype: torch.dtype = torch.float32, **params: Any) -> PlainLoop:
    member, kind = trainee("language", **{"max_length": 64, **params}), workload("language")
    return PlainLoop(Setup(kind, kind.data(member.hp, sentences(), torch.device("cpu"), dtype)), member)


def hyper(**params: Any) -> LanguageHyperparameters:
    return LanguageHyperparameters(**{**SMALL["language"], **params})


def rates(**params: Any) -> dict[str, float]:
    """The learning rates by the layers that have them, where lr is 1."""
    model = loop_of(trained_layers=2, **params).model
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    found = {}
    for group in groups(model, 1.0):
        for parameter in group["params"]:
            parts = names[id(parameter)].split(".")
            found[parts[0] if parts[0] == "head" else ".".join(parts[2:5])] = group["lr"]
    return found


def test_layers_farther_from_the_output_learn_more_slowly() -> None:
    found = rates(mode="full", encoder_lr_ratio=0.1, layer_lr_decay=0.5)
    layers = {name: rate for name, rate in found.items() if name.startswith("encoder.layer")}
    assert layers == {"encoder.layer.1": 0.1, "encoder.layer.0": 0.05} and found["head"] == 1
    others = {rate for name, rate in found.items() if name not in layers and name != "head"}
    assert others == {0.025}, "of embeddings"
    assert set(rates(mode="full", encoder_lr_ratio=0.1).values()) == {1, 0.1}
    assert set(rates(mode="last_layers", encoder_lr_ratio=0.1, layer_lr_decay=0.5).values()) == {1, 0.1, 0.05}
    assert set(rates(mode="lora", encoder_lr_ratio=0.1, layer_lr_decay=0.5).values()) == {1}


@pytest.mark.parametrize("mode", MODES)
def test_bfloat16_is_of_products_alone_and_a_training_in_it_resumes(mode: str) -> None:
    params = {"mode": mode, "precision": "bfloat16", "lr": 0.003, "encoder_lr_ratio": 1.0}
    loop, whole, exact = loop_of(**params), loop_of(**params), loop_of(**{**params, "precision": "float32"})
    x = loop.setup.data.x_val
    with torch.no_grad():
        half, full = loop.model.eval()(x), exact.model.eval()(x)
    assert half.dtype == torch.float32 and not torch.equal(half, full)
    torch.testing.assert_close(half, full, rtol=0.05, atol=0.05)
    train(loop, 1)
    kinds = {p.dtype for p in loop.model.parameters()} | {
        v.dtype for s in loop.optimizer.state.values() for v in s.values()
    }
    assert kinds == {torch.float32}
    resumed = loop_of(**params)
    resumed.load(0, loop.state(0))
    resumed.epoch_done = 1
    assert train(resumed, 1)[0][0]["val_loss"] == train(whole, 2)[1][0]["val_loss"]


@pytest.mark.parametrize("mode", MODES)
def test_both_ways_of_attention_agree_and_a_text_alone_equals_it_in_a_batch_of_16(mode: str) -> None:
    loop = loop_of(mode=mode, attn="sdpa")
    written = loop_of(mode=mode, attn="eager")
    assert loop.model.encoder.net.config._attn_implementation == "sdpa"
    assert written.model.encoder.net.config._attn_implementation == "eager"
    data = loop.setup.data
    x = torch.cat([data.x_val, data.x_train])[:16]
    with torch.no_grad():
        together = loop.model.eval()(data.inputs(x))
        torch.testing.assert_close(written.model.eval()(data.inputs(x)), together, rtol=0, atol=1e-5)
        alone = torch.cat([loop.model(data.inputs(row)) for row in x.split(1)])
    assert len({data.inputs(row).shape[1] for row in x.split(1)}) > 1
    torch.testing.assert_close(alone, together, rtol=0, atol=1e-5)


def test_batches_are_of_texts_of_alike_lengths_and_values_stay_with_their_texts() -> None:
    loop = loop_of(mode="full")
    data, batches = loop.setup.data, list(loop.setup.batches(loop.members, 0))
    assert len({x.shape[1] for x, _ in batches}) > 1 and sum(len(y) for _, y in batches) == 43
    split, model = (data.x_val, data.y_val), loop.model.eval()
    found = per_example(loop.task, model, data, split, at_once=3)
    unsorted = per_example(loop.task, model, replace(data, padded=False), split, at_once=3)
    assert not torch.equal(data.x_val.ne(0).sum(1).sort().values, data.x_val.ne(0).sum(1))
    torch.testing.assert_close(found, unsorted, rtol=0, atol=1e-5)


def test_what_has_no_effect_in_a_mode_is_told() -> None:
    known = hyperparameters(LanguageHyperparameters)
    given = {"mode": "full", "lora_rank": 4, "trained_layers": 1, "layer_lr_decay": 0.9}
    assert idle(known, Space({}), given) == {
        "lora_rank": "only with mode: lora",
        "trained_layers": "only with mode: last_layers",
    }
    searched = Space({"mode": Choice(("features", "lora"))})
    assert idle(known, searched, {"attn": "sdpa", "precision": "bfloat16"}) == {}
    space = workload("language").space
    assert not any(known[name].when for name in space)


def test_flash_attention_is_refused_where_it_cannot_be_had() -> None:
    with pytest.raises(Infeasible, match="needs the package flash-attn, which is not installed here"):
        check(hyper(mode="full", attn="flash_attention_2"), ROWS)
    text = "workload: language\ndata: {csv: x.csv, target: y, text: t}\nparameters: {attn: %s}\n"
    for value in ("flash_attention_2", "{values: [sdpa, flash_attention_2]}"):
        with pytest.raises(SpecError, match=r"parameters.attn: needs a GPU: give resources.gpus"):
            parse_sweep(text % value, "sweep.yaml", None, catalogue=catalogue())


def test_adapters_are_beside_the_layers_that_are_named_and_alone_in_the_checkpoint() -> None:
    sizes = {}
    for wanted in ("all-linear", "query, self.value"):
        state = loop_of(mode="lora", lora_targets=wanted, lora_rank=2).state(0).model
        layers = {name.rpartition(".lora_")[0].rpartition(".")[2] for name in state if "lora_" in name}
        sizes[wanted] = layers
        assert all("lora_" in name or name.startswith("head.") for name in state)
        assert sum(value.numel() for value in state.values()) < 5000, "the encoder has 40,000 weights"
    assert sizes == {"all-linear": {"query", "key", "value", "dense"}, "query, self.value": {"query", "value"}}


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("querry,value", "'querry' is the end of no .*; did you mean 'query'"),
        ("", "'' is the end"),
        ("c_attn", ".* it must be all-linear, or some of query, key, value, dense"),
    ],
)
def test_a_layer_that_is_not_there_is_refused_before_the_start(wanted: str, told: str) -> None:
    with pytest.raises(Infeasible, match=f"parameters.lora_targets: {told}"):
        outline(hyper(mode="lora", lora_targets=wanted), ROWS, build)


def test_attention_that_a_network_does_not_have_is_refused_before_the_start(tmp_path: Path) -> None:
    from transformers import MPNetConfig, MPNetModel

    config = MPNetConfig(
        vocab_size=300, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
    )
    MPNetModel(config).save_pretrained(tmp_path)
    tokens_of("none", 128).tokenizer.save_pretrained(tmp_path)
    given = {"model": str(tmp_path), "mode": "full"}
    with pytest.raises(Infeasible, match=r"parameters.attn: .* cannot have sdpa: give auto or eager"):
        outline(hyper(**given, attn="sdpa"), ROWS, build)
    assert encoder_of(hyper(**given)).net.config._attn_implementation == "eager"


def test_the_encoder_s_dropout_is_the_model_s_own_or_as_given_and_only_of_what_is_trained() -> None:
    def moves(**params: Any) -> bool:
        """Whether two passes in training mode differ."""
        loop = loop_of(**params)
        loop.model.train()
        with torch.no_grad():
            first, second = (loop.model(loop.setup.data.x_val) for _ in range(2))
        return not torch.equal(first, second)

    assert encoder_of(hyper(mode="full")).net.config.hidden_dropout_prob == 0.1
    assert moves(mode="full") and moves(mode="last_layers") and not moves(mode="lora")
    assert not moves(mode="full", encoder_dropout=0.0)
    config = encoder_of(hyper(mode="full", encoder_dropout=0.3)).net.config
    assert (config.hidden_dropout_prob, config.attention_probs_dropout_prob) == (0.3, 0.3)
