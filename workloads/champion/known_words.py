"""Words of categories that a registered table's pipeline knows: those of the training split."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from workloads.champion.table_model import PIPELINE
from workloads.tables.pipeline import TRUSTED


def known_words(folder: Path) -> dict[str, frozenset[str]]:
    """Return the words by column, of the pipeline that ``table_model`` saved to ``folder``."""
    import skops.io

    found: dict[str, frozenset[str]] = {}
    for columns, encoder in _encoders(skops.io.load(folder / PIPELINE, trusted=TRUSTED), ()):
        for name, values in zip(columns, encoder.categories_, strict=False):
            found[str(name)] = frozenset(value for value in values.tolist() if isinstance(value, str))
    return found


def _encoders(part: Any, columns: Sequence[str]) -> Iterator[tuple[Sequence[str], Any]]:
    """Yield each encoder within a pipeline with the columns that it was fitted on."""
    if hasattr(part, "categories_"):
        yield getattr(part, "feature_names_in_", columns), part
    for _, inner, *of in getattr(part, "transformers_", ()):
        yield from _encoders(inner, of[0])
    for _, inner in (*getattr(part, "steps", ()), *getattr(part, "transformer_list", ())):
        yield from _encoders(inner, columns)
