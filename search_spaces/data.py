"""The ``data`` part of a spec: which examples, which column is the target, and how they are split."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Split(BaseModel):
    """Fractions of the examples, summing to 1. With a test file of its own the other two are scaled to 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    train: float = 0.7
    val: float = 0.15
    test: float = 0.15
    seed: int = 0


class Data(BaseModel):
    """Exactly one source is given: ``name``, ``csv``, ``parquet`` or ``folder``. Paths are absolute once loaded."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str | None = None
    """A registered data set."""
    csv: str | None = None
    parquet: str | None = None
    target: str | None = None
    """The column to predict; with ``header: false`` columns are named c0, c1, ..."""
    header: bool = True
    image: str | None = None
    """For Parquet: the column that holds encoded image bytes."""
    folder: str | None = None
    """A folder with one folder of images for each class, or with such folders in train, val and test."""
    skip_bad: bool = False
    """Leave out, and count, what is no image, instead of refusing it."""
    root: str | None = None
    """For data sets that torchvision downloads: the folder that holds them."""
    test: str | None = None
    """A file of the same form, whose examples are the test split."""
    split: Split = Split()
