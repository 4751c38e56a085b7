"""Vectors of words by a frozen encoder, computed once for all trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from workloads.arrays import Column
from workloads.files.feature_cache import cached
from workloads.layers.text_codes import TextCodes, padded
from workloads.models.language.labelled.tokens import num_words
from workloads.models.language.pretrained import Encoder

AT_ONCE = 64
"""Number of sentences in a batch through a frozen encoder."""


@dataclass(frozen=True)
class Table:
    """Vectors (words, features) of sentences one behind the other, and each sentence's number of words."""

    vectors: Tensor
    counts: Tensor

    @property
    def starts(self) -> Tensor:
        """Place of the first word of each sentence."""
        return self.counts.cumsum(0) - self.counts

    def joined(self, other: Table) -> Table:
        """Return the sentences of both."""
        return Table(torch.cat([self.vectors, other.vectors]), torch.cat([self.counts, other.counts]))

    def of(self, index: Tensor) -> Tensor:
        """Return the vectors of sentences (...), (..., words of the longest, features), 0 without a word."""
        counts = self.counts[index].unsqueeze(-1)
        longest = int(counts.max()) if counts.numel() else 0
        if not longest:
            return self.vectors.new_zeros(*index.shape, 1, self.vectors.shape[1])
        places = torch.arange(longest, device=index.device)
        found = (self.starts[index].unsqueeze(-1) + places).clamp(max=len(self.vectors) - 1)
        return self.vectors[found] * (places < counts).unsqueeze(-1)


class WordVectors(nn.Module):
    """Converts the matrix of sentences (..., 1) to scaled vectors of their words (..., words, features).

    ``table`` has those of the texts of ``coded``'s column, or is empty; with ``kept`` further ones are kept in
    the cache, too.
    """

    def __init__(
        self,
        coded: TextCodes,
        encoder: Encoder,
        scaled: nn.Module,
        table: Table | None = None,
        kept: bool = False,
    ) -> None:
        super().__init__()
        self.coded, self.encoder, self.scaled, self.kept = coded, encoder, scaled, kept
        self.table = table or Table(torch.zeros(0, encoder.num_features), torch.zeros(0, dtype=torch.int64))

    def forward(self, x: Tensor) -> Tensor:
        """Return vectors in the dtype of ``like`` and on its device."""
        return self.table.of(x[..., 0].long().to(self.table.counts.device))

    def of(self, columns: Sequence[Column]) -> WordVectors:
        """Return the same for a matrix of these ``columns``; vectors of texts that are known are not made again."""
        own, values = self.coded.columns[0].values, columns[0].values
        known = own if values[: len(own)] == own and len(self.table.counts) == len(own) else ()
        found = table_of(self.coded, self.encoder, values[len(known) :], self.kept)
        new = Table(self.scaled(found.vectors), found.counts)
        whole = self.table.joined(new) if known else new
        return WordVectors(self.coded.of(columns), self.encoder, self.scaled, whole, self.kept)


def table_of(coded: TextCodes, encoder: Encoder, texts: Sequence[str], kept: bool) -> Table:
    """Return vectors of ``texts`` as the encoder makes them, with ``kept`` from the cache if any sweep has them."""
    codes = coded.tokens.coded([(text,) for text in texts])
    whole = padded(codes)
    made = (
        cached(encoder.state_dict(), [whole, encoder.facts()], lambda: [_vectors_of(encoder, codes)])[0]
        if kept and codes
        else _vectors_of(encoder, codes)
    )
    return Table(made.to(coded.like), num_words(whole).to(coded.like.device))


@torch.inference_mode()
def _vectors_of(encoder: Encoder, codes: Sequence[Sequence[int]]) -> Tensor:
    """Return float32 vectors (words, features) on the host; sentences of alike lengths share a batch."""
    device = next(encoder.parameters()).device
    order = sorted(range(len(codes)), key=lambda k: len(codes[k]))
    found = [torch.zeros(0, encoder.num_features)] * len(codes)
    for start in range(0, len(order), AT_ONCE):
        places = order[start : start + AT_ONCE]
        part = padded([codes[k] for k in places])
        states = encoder(part.to(device)).float().cpu()
        for k, row, count in zip(places, states, num_words(part).tolist(), strict=True):
            found[k] = row[:count]
    return torch.cat([torch.zeros(0, encoder.num_features), *found])
