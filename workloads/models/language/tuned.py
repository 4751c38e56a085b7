"""A pre-trained text encoder that is trained further, as a whole, its last layers, or an adapter of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from workloads.arrays import DataShape, Infeasible
from workloads.layers.frozen_features import head
from workloads.layers.recomputed import recompute
from workloads.models.language.folder import INSTALL
from workloads.models.language.pretrained import Encoder, encoder_of

if TYPE_CHECKING:
    from workloads.models.language.hyperparameters import LanguageHyperparameters


class TunedEncoder(nn.Module):
    """Network from codes of tokens to logits, whose encoder learns more slowly than the classifier behind it.

    Frozen layers stay in evaluation mode: their dropout draws nothing. Frozen weights are not part of the
    ``state_dict``: they are the pre-trained ones, wherever the network is built.
    """

    def __init__(self, hp: LanguageHyperparameters, shape: DataShape) -> None:
        super().__init__()
        self.encoder = encoder_of(hp)
        self.head = head(self.encoder.num_features, shape.num_outputs, hp.dropout)
        self._trained = trained_parts(hp, self.encoder)
        self.encoder.requires_grad_(False)
        for part in self._trained:
            part.requires_grad_(True)
        if hp.activation_checkpointing:
            recompute(self.encoder.layers())
        self._ratio = 1.0 if hp.mode == "lora" else hp.encoder_lr_ratio
        self._frozen = [name for name, parameter in self.named_parameters() if not parameter.requires_grad]
        self.register_state_dict_post_hook(_without_frozen)  # type: ignore[no-untyped-call]
        self.register_load_state_dict_pre_hook(_with_frozen)  # type: ignore[no-untyped-call]

    def forward(self, codes: Tensor) -> Tensor:
        """Return logits (batch, num_outputs) for codes of tokens (batch, tokens)."""
        logits: Tensor = self.head(self.encoder(codes))
        return logits

    def train(self, mode: bool = True) -> TunedEncoder:
        """Set the mode of the classifier and of what is trained."""
        super().train(mode)
        self.encoder.train(False)
        for part in self._trained:
            part.train(mode)
        return self

    def sharded_parts(self) -> list[nn.Module]:
        """Return the encoder's layers, which FSDP gathers one after the other; none where they share weights."""
        try:
            return list(self.encoder.layers())
        except Infeasible:
            return []

    def lr_ratio(self, name: str) -> float:
        """Return the learning rate of parameter ``name`` as a share of ``lr``."""
        return 1.0 if name.startswith("head.") else self._ratio


def trained_parts(hp: LanguageHyperparameters, encoder: Encoder) -> list[nn.Module]:
    """Return the parts of ``encoder`` that are trained; for ``lora`` adapters are put beside its linear layers."""
    if hp.mode == "full":
        return [encoder]
    if hp.mode == "last_layers":
        return list(encoder.layers())[-hp.trained_layers :]
    return adapters(hp, encoder)


def adapters(hp: LanguageHyperparameters, encoder: Encoder) -> list[nn.Module]:
    """Put an adapter of low rank (Hu et al. 2021, arXiv:2106.09685) beside each linear layer, and return them."""
    try:
        import peft
    except ImportError as error:
        raise Infeasible(f"mode: lora needs the package peft: {INSTALL}") from error
    linear = [name for name, layer in encoder.net.named_modules() if isinstance(layer, nn.Linear)]
    config = peft.LoraConfig(
        r=hp.lora_rank, lora_alpha=hp.lora_alpha, lora_dropout=hp.lora_dropout, target_modules=linear
    )
    peft.inject_adapter_in_model(config, encoder.net)
    kinds = ("lora_A", "lora_B", "lora_dropout")
    return [part for name, part in encoder.net.named_modules() if name.rpartition(".")[2] in kinds]


def _without_frozen(module: TunedEncoder, state: dict[str, Tensor], prefix: str, _: object) -> None:
    for name in module._frozen:
        del state[prefix + name]


def _with_frozen(module: TunedEncoder, state: dict[str, Tensor], prefix: str, *_: object) -> None:
    own = dict(module.named_parameters())
    for name in module._frozen:
        state.setdefault(prefix + name, own[name])
