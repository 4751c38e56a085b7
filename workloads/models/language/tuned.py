"""A pre-trained text encoder that is trained further, as a whole or its last layers, with a classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from workloads.arrays import DataShape
from workloads.models.language.pretrained import encoder_of
from workloads.models.transfer.backbones import head

if TYPE_CHECKING:
    from workloads.models.language.hyperparameters import LanguageHyperparameters


class TunedEncoder(nn.Module):
    """Network from codes of tokens to logits, whose encoder learns more slowly than the classifier behind it.

    Frozen layers stay in evaluation mode: their dropout draws nothing.
    """

    def __init__(self, hp: LanguageHyperparameters, shape: DataShape) -> None:
        super().__init__()
        self.encoder = encoder_of(hp)
        self.head = head(self.encoder.net.config.hidden_size, shape.num_outputs, hp.dropout)
        self._trained: list[nn.Module] = [self.encoder]
        if hp.mode == "last_layers":
            self._trained = list(self.encoder.layers())[-hp.trained_layers :]
        self.encoder.requires_grad_(False)
        for part in self._trained:
            part.requires_grad_(True)
        self._ratio = hp.encoder_lr_ratio

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

    def lr_ratio(self, name: str) -> float:
        """Return the learning rate of parameter ``name`` as a share of ``lr``."""
        return 1.0 if name.startswith("head.") else self._ratio
