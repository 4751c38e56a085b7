"""The precision in which a network computes its products; its weights and the optimizer's state keep theirs."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch


def autocast(precision: str, device: str) -> AbstractContextManager[object]:
    """Return a context in which a ``device`` (cpu, cuda) computes products in ``precision``: float32 or bfloat16.

    With auto it changes nothing: a loop computes those of some workloads in bfloat16 on a GPU.
    """
    if precision == "auto":
        return nullcontext()
    return torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16")
