"""A pre-trained text encoder that is trained further, as a whole, its last layers, or an adapter of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from workloads.arrays import DataShape, Infeasible
from workloads.layers.frozen_features import head
from workloads.layers.precision import autocast
from workloads.layers.recomputed import recompute
from workloads.models.language.labelled.word_head import WordHead
from workloads.models.language.lora import Layered, adapters
from workloads.models.language.pretrained import WORDS, encoder_of

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
        of_words = shape.problem == "tagging"
        if of_words:
            self.encoder.pooling = WORDS
        classifier = WordHead if of_words else head
        self.head = classifier(self.encoder.num_features, shape.num_outputs, hp.dropout)
        self._trained = trained_parts(hp, self.encoder)
        self.encoder.requires_grad_(False)
        for part in self._trained:
            part.requires_grad_(True)
        if hp.activation_checkpointing:
            recompute(self.encoder.layers())
        self._rates, self._precision = LayerRates(hp, self.encoder), hp.precision
        leave_out_frozen(self)

    def forward(self, codes: Tensor) -> Tensor:
        """Return logits (batch, num_outputs), or of each word, for codes of tokens (batch, tokens)."""
        with autocast(self._precision, codes.device.type):
            logits: Tensor = self.head(self.encoder(codes))
        return logits.to(next(self.head.parameters()).dtype)

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
        return 1.0 if name.startswith("head.") else self._rates(name.removeprefix("encoder."))


def trained_parts(hp: LanguageHyperparameters, encoder: Layered) -> list[nn.Module]:
    """Return the parts of ``encoder`` that are trained; for ``lora`` adapters are put beside its linear layers."""
    if hp.mode == "full":
        return [encoder.net]
    if hp.mode == "last_layers":
        return list(encoder.layers())[-hp.trained_layers :]
    return adapters(hp, encoder)


class LayerRates:
    """Learning rates of an encoder's parameters as a share of ``lr``, lower for each layer farther from the output.

    As Howard & Ruder 2018 (arXiv:1801.06146) and Clark et al. 2020 (arXiv:2003.10555). What stands before the
    layers (embeddings, of tokens or positions) is the farthest, what stands behind them (a norm) has the encoder's.
    """

    def __init__(self, hp: LanguageHyperparameters, encoder: Layered) -> None:
        self._rate = 1.0 if hp.mode == "lora" else hp.encoder_lr_ratio
        self._decay = 1.0 if hp.mode == "lora" else hp.layer_lr_decay
        self._depths: dict[str, int] = {}
        if self._decay == 1:
            return
        layers = encoder.layers()
        found = {id(p): len(layers) - 1 - k for k, layer in enumerate(layers) for p in layer.parameters()}
        behind = False
        for name, parameter in encoder.named_parameters():
            behind |= id(parameter) in found
            self._depths[name] = found.get(id(parameter), 0 if behind and "embed" not in name else len(layers))

    def __call__(self, name: str) -> float:
        """Return that of the encoder's parameter ``name``."""
        return self._rate * self._decay ** self._depths.get(name, 0)


def leave_out_frozen(module: nn.Module) -> None:
    """Leave weights that are not trained out of a module's ``state_dict``, and further names of those that are.

    They are the pre-trained ones, wherever the network is built.
    """
    trained = {name for name, parameter in module.named_parameters() if parameter.requires_grad}
    left_out = [name for name, _ in module.named_parameters(remove_duplicate=False) if name not in trained]

    def without(module: nn.Module, state: dict[str, Tensor], prefix: str, _: object) -> None:
        for name in left_out:
            del state[prefix + name]

    def given(module: nn.Module, state: dict[str, Tensor], prefix: str, *_: object) -> None:
        own = dict(module.named_parameters(remove_duplicate=False))
        for name in left_out:
            state.setdefault(prefix + name, own[name])

    module.register_state_dict_post_hook(without)  # type: ignore[no-untyped-call]
    module.register_load_state_dict_pre_hook(given)  # type: ignore[no-untyped-call]
