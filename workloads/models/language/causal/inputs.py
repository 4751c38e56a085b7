"""A text, or prompts and completions, on the device: as rows of a causal model's tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from workloads.arrays import Arrays, Infeasible
from workloads.data.sentences.describe import rows_of
from workloads.models.language.causal.codes import Row, matrix, num_counted, packed
from workloads.models.language.causal.tokens import CausalTokens, examples, is_cut, windows
from workloads.training.batches import ResidentData

if TYPE_CHECKING:
    from workloads.data.search_data import SearchData
    from workloads.models.language.hyperparameters import LanguageHyperparameters

MANY = 2000
"""Pairs whose lengths are looked at."""


class Rows(nn.Module):
    """Leaves rows as they are; makes those of a split, whose texts its tokenizer divides."""

    def __init__(self, tokens: CausalTokens, device: torch.device) -> None:
        super().__init__()
        self.tokens, self.device = tokens, device

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x``."""
        return x

    def rows(self, part: Arrays, train: bool = False) -> list[Row]:
        """Return the rows of a split, one by one."""
        if part.columns:
            return examples(self.tokens, rows_of(part.x, part.columns))
        return windows(self.tokens, part.text, train)

    def split(self, part: Arrays) -> tuple[Tensor, Tensor]:
        """Return the rows of a split that is not trained on, and targets, which are zeros: rows hold theirs."""
        return self.on_device(self.rows(part))

    def on_device(self, rows: Sequence[Row]) -> tuple[Tensor, Tensor]:
        """Return rows and as many zeros."""
        x = matrix(rows).to(self.device)
        return x, torch.zeros(len(x), dtype=torch.int64, device=self.device)


def continued(
    hp: LanguageHyperparameters, search: SearchData, device: torch.device, dtype: torch.dtype
) -> ResidentData:
    """Return both splits as rows of numbers; short training examples share rows where ``hp`` says so."""
    prepare = Rows(CausalTokens.of(hp.model, hp.max_length), device)
    rows = prepare.rows(search.train, train=True)
    x_train, y_train = prepare.on_device(packed(rows, hp.max_length) if hp.packing else rows)
    if not (num := num_counted(x_train)):
        raise Infeasible("the training split has no token that could be predicted")
    size = max(len(prepare.tokens.tokenizer), 1)
    shape = replace(
        search.shape(), example=tuple(x_train.shape[1:]), num_outputs=size, targets_each=num / len(x_train)
    )
    made = ResidentData(x_train, y_train, *prepare.split(search.val), shape, prepare, dtype, ready=True)
    return replace(made, padded=True, further=prepare.split)


def cut(hp: LanguageHyperparameters, search: SearchData) -> str | None:
    """Return how many of the training split's prompts and completions are cut, if any; a text is only divided."""
    if not search.train.columns:
        return None
    part, tokens = search.train, CausalTokens.of(hp.model, hp.max_length)
    step = -(-len(part) // MANY)
    pairs = rows_of(part.x[::step], part.columns)
    pieces = (tokens.pieces([pair[k] for pair in pairs]) for k in range(2))
    found = [is_cut(tokens, *both) for both in zip(*pieces, strict=True)]
    shares = {what: sum(one[k] for one in found) / len(found) for k, what in enumerate(("prompts", "completions"))}
    about = "about " if step > 1 else ""
    told = [f"{about}{share:.1%} of the training {what}" for what, share in shares.items() if share]
    return f"max_length: {hp.max_length} cuts {' and '.join(told)}" if told else None
