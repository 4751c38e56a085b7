"""A causal model that is trained further, as a whole, its last layers, or an adapter of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from torch import Tensor, nn

from workloads.layers.precision import autocast
from workloads.layers.recomputed import recompute
from workloads.models.language.causal.decoder import decoder_of
from workloads.models.language.tuned import LayerRates, leave_out_frozen, trained_parts

if TYPE_CHECKING:
    from workloads.models.language.hyperparameters import LanguageHyperparameters


class TunedDecoder(nn.Module):
    """Network from rows of numbers to their sums, as ``Decoder``. Frozen layers stay in evaluation mode.

    Frozen weights are not part of the ``state_dict``, and of weights that two layers share only one copy is.
    """

    def __init__(self, hp: LanguageHyperparameters) -> None:
        super().__init__()
        self.decoder = decoder_of(hp)
        self._trained = trained_parts(hp, self.decoder)
        self.decoder.requires_grad_(False)
        for part in self._trained:
            part.requires_grad_(True)
        if hp.activation_checkpointing:
            recompute(self.decoder.layers())
        self._rates, self._precision = LayerRates(replace(hp, encoder_lr_ratio=1.0), self.decoder), hp.precision
        leave_out_frozen(self)

    def forward(self, x: Tensor) -> Tensor:
        """Return the sums (batch, 5) of rows of numbers (batch, 1 + tokens)."""
        with autocast(self._precision, x.device.type):
            sums: Tensor = self.decoder(x)
        return sums

    def lr_ratio(self, name: str) -> float:
        """Return the learning rate of parameter ``name`` as a share of ``lr``."""
        return self._rates(name.removeprefix("decoder."))

    def sharded_parts(self) -> list[nn.Module]:
        """Return the model's layers, which FSDP gathers one after the other."""
        return list(self.decoder.layers())

    def train(self, mode: bool = True) -> TunedDecoder:
        """Set the mode of what is trained."""
        super().train(mode)
        self.decoder.train(False)
        for part in self._trained:
            part.train(mode)
        return self
