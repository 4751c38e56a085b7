"""Inputs of a user's network: features, standardised images, windows of numbers, or codes of characters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from workloads.data.search_data import SearchData
from workloads.training.batches import ResidentData, tensor
from workloads.training.default_inputs import default_data


class Codes(nn.Module):
    """Reads characters as whole numbers, as ``nn.Embedding`` takes them."""

    def forward(self, x: Tensor) -> Tensor:
        """Return int64 of the same shape."""
        return x.long()


def inputs(hp: Any, search: SearchData, device: torch.device, dtype: torch.dtype) -> ResidentData:
    """Return both splits on ``device`` as a network takes them."""
    data = default_data(hp, search, device, dtype)
    if data.shape.problem != "language":
        return data
    x_train, x_val = (tensor(part.x).long().to(device) for part in (search.train, search.val))
    return replace(data, x_train=x_train, x_val=x_val, prepare=Codes(), ready=True)
