"""Linear classifiers with exhibits: a good one (``SHOWING``), and faulty ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from torch import nn

from workloads.arrays import DataShape
from workloads.legs.exhibits import MAX_BYTES
from workloads.models.softmax import SOFTMAX
from workloads.training.setup import Setup

ALL_BYTES = bytes(range(256))


def shown(setup: Setup, model: nn.Module, epoch: int) -> Mapping[str, bytes]:
    """Return two exhibits: a file of all 256 byte values, and the norm of the weights."""
    assert isinstance(setup.data.shape, DataShape)
    assert not model.training
    weights = f"{float(next(model.parameters()).norm()):.6f}"
    return {f"bytes/e{epoch:04d}.bin": ALL_BYTES, "norm.txt": weights.encode()}


def too_large(setup: Setup, model: nn.Module, epoch: int) -> Mapping[str, bytes]:
    return {"first.bin": b"1" * (MAX_BYTES - 3), "large.bin": b"2222", "small.bin": b"333"}


def outside(setup: Setup, model: nn.Module, epoch: int) -> Mapping[str, bytes]:
    return {"../elsewhere.txt": b"no"}


def raises(setup: Setup, model: nn.Module, epoch: int) -> Mapping[str, bytes]:
    raise RuntimeError("nothing to see here")


SHOWING = replace(SOFTMAX, name="showing", exhibit=shown)
EAGER = replace(SHOWING, exhibit_epochs=True)
LARGE = replace(SHOWING, exhibit=too_large)
OUTSIDE = replace(SHOWING, exhibit=outside)
RAISES = replace(SHOWING, exhibit=raises)
