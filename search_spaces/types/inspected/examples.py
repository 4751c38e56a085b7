"""Records of what an inspection shows: texts, images, and what a prediction depends on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Continuation:
    """A text of the validation split, and how the champion continues it."""

    text: str
    continued: str


@dataclass(frozen=True, kw_only=True)
class Dependence:
    """Partial dependence on one column: mean prediction over validation rows with the column set to each value."""

    column: str
    values: Sequence[float] | Sequence[str]
    """Numbers, or words, in the order in which they are shown."""
    predictions: Mapping[str, Sequence[float]]
    """Mean probability by class, or mean prediction, for each value."""


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """Share of a class among the real validation images and among as many samples, as a classifier sees them."""

    name: str
    real: float
    made: float
    found: bool
    """Whether the class counts as covered."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A small image as a PNG file, in few pixels: it is shown enlarged."""

    png: bytes
    caption: str = ""
    saliency: bytes | None = None
    """Which pixels change the prediction most, as a PNG file: bright where much."""
