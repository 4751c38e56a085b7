"""Decides whether gradients of small networks come from written-out formulas or from autograd alone."""

from __future__ import annotations

from functools import cache

from search_spaces.types.plain import ASKED_FOR, plain

BACKWARD = ("threshold", "gelu", "silu", "mish", "tanh", "sigmoid", "leaky_relu", "elu")
"""torch's own derivatives, called as ``torch.ops.aten.NAME_backward``; they have no public names."""
WITHOUT = "gradients are autograd's: steps of small networks take about 1.5 times as long"


def why_off() -> str | None:
    """Return the reason why gradients are autograd's; None where written-out ones are used."""
    if plain():
        return ASKED_FOR
    missing = _missing()
    return f"torch has no {', '.join(missing)}" if missing else None


def by_hand() -> bool:
    """Return whether written-out gradients are used."""
    return why_off() is None


@cache
def _missing() -> tuple[str, ...]:
    import torch  # here, so that a driver in plain mode can call why_off without the time of importing torch

    names = [f"{name}_backward" for name in BACKWARD]
    return tuple(f"aten.{name}" for name in names if not hasattr(torch.ops.aten, name))
