"""Texts on the device: as vectors of a frozen encoder, computed once, or as codes of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from workloads.arrays import Column
from workloads.files.feature_cache import cached
from workloads.layers.frozen_features import ScaledFeatures
from workloads.layers.text_codes import TextCodes, padded
from workloads.models.language.pretrained import Encoder, encoder_of, tokens_of, width
from workloads.training.batches import ResidentData, standardised, tensor

if TYPE_CHECKING:
    from workloads.data.search_data import SearchData
    from workloads.models.language.hyperparameters import LanguageHyperparameters

INNER = 4
"""Size of an encoder's largest activations, as a multiple of its width."""
AT_ONCE = 64
"""Number of texts in a batch through a frozen encoder."""


class Vectors(nn.Module):
    """Converts the matrix of texts (rows, 1 or 2) to scaled vectors of a frozen encoder (rows, features).

    Those of a sweep's texts are ``kept`` in the cache, so that all final members share the test split's.
    """

    def __init__(self, coded: TextCodes, encoder: Encoder, scaled: nn.Module, kept: bool = False) -> None:
        super().__init__()
        self.coded, self.encoder, self.scaled, self.kept = coded, encoder, scaled, kept

    def forward(self, x: Tensor) -> Tensor:
        """Return vectors in the dtype of ``like`` and on its device."""
        codes = self.coded.codes(x)
        found = kept_vectors(self.encoder, [codes])[0] if self.kept else vectors_of(self.encoder, codes)
        vectors: Tensor = self.scaled(found.to(self.coded.like))
        return vectors

    def of(self, columns: Sequence[Column]) -> Vectors:
        """Return the same for a matrix of these ``columns``."""
        return Vectors(self.coded.of(columns), self.encoder, self.scaled, self.kept)


@torch.inference_mode()
def vectors_of(encoder: Encoder, codes: Sequence[Sequence[int]]) -> Tensor:
    """Return float32 vectors (rows, features) on the host; texts of alike lengths share a batch."""
    if not codes:
        return torch.zeros(0, encoder.num_features)
    order = torch.tensor([len(row) for row in codes]).argsort()
    device = next(encoder.parameters()).device
    parts = [padded([codes[i] for i in part.tolist()]).to(device) for part in torch.split(order, AT_ONCE)]
    found = torch.cat([encoder(part).float().cpu() for part in parts])
    return found[order.argsort()]


def kept_vectors(encoder: Encoder, parts: Sequence[Sequence[Sequence[int]]]) -> list[Tensor]:
    """Return the vectors of each of ``parts``, from the cache if any sweep has computed them."""
    key = [*map(padded, parts), encoder.facts()]
    return cached(encoder.state_dict(), key, lambda: [vectors_of(encoder, part) for part in parts])


def texts(
    hp: LanguageHyperparameters, search: SearchData, device: torch.device, dtype: torch.dtype
) -> ResidentData:
    """Return both splits as vectors, from the cache if any sweep has computed them, or as codes of tokens."""
    like = torch.empty(0, dtype=dtype, device=device)
    coded = TextCodes(tokens_of(hp.model, hp.max_length), search.train.columns, like)
    parts = [coded.codes(tensor(part.x)) for part in (search.train, search.val)]
    y_train, y_val = (standardised(tensor(p.y).to(device), search.shape()) for p in (search.train, search.val))
    frozen = hp.mode == "features"
    x_train, x_val, prepare = _vectors(hp, coded, parts) if frozen else _codes(coded, parts)
    shape = replace(search.shape(), example=tuple(x_train.shape[1:]))
    found = ResidentData(x_train, y_train, x_val, y_val, shape, prepare, dtype, ready=True)
    return found if frozen else replace(found, padded=True, numbers_a_token=INNER * width(hp.model))


def _codes(coded: TextCodes, parts: Sequence[Sequence[Sequence[int]]]) -> tuple[Tensor, Tensor, nn.Module]:
    x_train, x_val = (padded(part).to(coded.like.device) for part in parts)
    return x_train, x_val, coded


def _vectors(
    hp: LanguageHyperparameters, coded: TextCodes, parts: Sequence[Sequence[Sequence[int]]]
) -> tuple[Tensor, Tensor, nn.Module]:
    encoder = encoder_of(hp).to(coded.like.device).requires_grad_(False)
    x_train, x_val = (x.to(coded.like) for x in kept_vectors(encoder, parts))
    scaled = ScaledFeatures(x_train)
    return scaled(x_train), scaled(x_val), Vectors(coded, encoder, scaled, kept=True)
