"""What a registered model takes: a table's columns, texts, images, a series, or plain numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from cluster.models.champion import NoModel
from cluster.sweep.restore import kept_card
from workloads.arrays import Column

if TYPE_CHECKING:
    from cluster.sweep.reading import Reading
    from tracking.results.stored_model import StoredModel

Form = Literal["rows", "images", "series", "numbers"]
CARDS = ("model.json", "function.json")
"""Files that say which columns a model takes: those of our models, and of a user's function."""
WORDS = "words"


@dataclass(frozen=True, kw_only=True)
class Takes:
    """Form of a model's inputs, and of its outputs."""

    form: Form
    columns: tuple[Column, ...] = ()
    """Of rows: the columns; those of a user's function have neither words nor forms of numbers."""
    shape: tuple[int, ...] = ()
    """Of images and numbers: the shape of one example."""
    problem: str = "classification"
    classes: tuple[str, ...] = ()
    target: str | None = None
    """Column of the sweep's file with what is predicted."""

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return [column.name for column in self.columns]

    @property
    def needed(self) -> list[str]:
        """Names of the columns that must be there: of prompts and completions the prompts alone."""
        return self.names[:1] if self.problem in ("completion", "language") else self.names


def takes_of(read: Reading, stored: StoredModel) -> Takes:
    """Return what the model takes. Raises NoModel where that is nothing that is kept in a file."""
    card = card_of(read)
    told: dict[str, Any] = {
        "problem": card.get("problem", "classification"),
        "classes": tuple(card.get("classes", ())),
        "target": read.sweep.data.target,
    }
    if columns := _columns(stored):
        return Takes(form="rows", columns=columns, **told)
    if told["problem"] == "tagging":
        return Takes(form="rows", columns=(Column(WORDS, "text"),), **told)
    if card.get("kind") == "series":
        return Takes(form="series", **told)
    shape = tuple(card.get("shape", ()))
    if told["problem"] not in ("classification", "regression") or not shape:
        way_out = f"mlflow.pyfunc.load_model({stored.uri!r}) takes arrays"
        raise NoModel(f"the model of sweep {read.home.id} predicts nothing for the rows of a file: {way_out}")
    return Takes(form="images" if len(shape) == 3 else "numbers", shape=shape, **told)


def card_of(read: Reading) -> Mapping[str, Any]:
    """Return the sweep's data card; empty where the workload brings its own data, or the card is damaged."""
    return kept_card(read.home) or {}


def _columns(stored: StoredModel) -> tuple[Column, ...]:
    file = next((stored.data / name for name in CARDS if (stored.data / name).is_file()), None)
    if file is None:
        return ()
    found = json.loads(file.read_text(encoding="utf-8")).get("columns", ())
    if isinstance(found, dict):
        return tuple(
            Column(name, one["kind"], missing=tuple(one.get("missing", ()))) for name, one in found.items()
        )
    return tuple(
        _column({key: tuple(value) if isinstance(value, list) else value for key, value in one.items()})
        for one in found
    )


def _column(told: dict[str, Any]) -> Column:
    return Column(**told)
