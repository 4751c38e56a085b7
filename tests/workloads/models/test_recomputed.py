"""Activation checkpointing: the same numbers, with dropout too, from fewer tensors that are kept."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks

from tests.helpers.workload_data import sentences, train, trainee
from workloads.arrays import Infeasible
from workloads.models.language.pretrained import Encoder
from workloads.registry import workload
from workloads.training.plain_loop import PlainLoop
from workloads.training.setup import Setup

MODES: dict[str, dict[str, Any]] = {
    "full": {"encoder_lr_ratio": 1.0},
    "last_layers": {"trained_layers": 1, "encoder_lr_ratio": 1.0},
    "lora": {"lora_dropout": 0.3},
}


def loop_of(mode: str, recomputed: bool) -> PlainLoop:
    member = trainee("language", mode=mode, activation_checkpointing=recomputed, dropout=0.2, **MODES[mode])
    kind = workload("language")
    data = kind.data(member.hp, sentences(), torch.device("cpu"), torch.float32)
    return PlainLoop(Setup(kind, data), member)


def kept_bytes(loop: PlainLoop) -> int:
    """Bytes that a forward pass keeps for the backward one, weights left out."""
    storages = {parameter.untyped_storage().data_ptr() for parameter in loop.model.parameters()}
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in storages:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        outputs = loop.model.train()(loop.setup.data.x_train)
    assert outputs.requires_grad
    return sum(kept.values())


@pytest.mark.parametrize("mode", MODES)
def test_recomputed_activations_change_no_number(mode: str) -> None:
    kept, again = loop_of(mode, False), loop_of(mode, True)
    epochs = [[{**record, "examples_per_s": 0.0} for (record,) in train(loop, 2)] for loop in (kept, again)]
    assert epochs[1] == [pytest.approx(record, rel=1e-6) for record in epochs[0]]
    states = [loop.state(0) for loop in (kept, again)]
    torch.testing.assert_close(dict(states[1].model), dict(states[0].model), rtol=0, atol=1e-6)
    assert kept_bytes(again) < kept_bytes(kept) / (2 if mode == "last_layers" else 4)


def test_layers_of_one_set_of_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As ALBERT's, which are no list of layers."""
    layers = Encoder.layers

    def without_list(encoder: Encoder) -> torch.nn.ModuleList:
        encoder.net.config.num_hidden_layers = 12
        return layers(encoder)

    monkeypatch.setattr(Encoder, "layers", without_list)
    with pytest.raises(Infeasible, match="activation_checkpointing need layers"):
        loop_of("full", True)
