"""What a registered model takes: a table's columns, texts, images, a series, or plain numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from cluster.models.champion import NoModel
from cluster.sweep.restore import kept_card
from workloads.arrays import Column

if TYPE_CHECKING:
    from cluster.sweep.reading import Reading
    from tracking.results.stored_model import StoredModel
    from workloads.models.custom.returns import Kind

Form = Literal["rows", "matrix", "images", "series", "numbers"]
"""``rows`` is a DataFrame, ``matrix`` the same as numbers, with categories as codes."""
FUNCTION = "function.json"
CARDS = ("model.json", FUNCTION)
"""Files that say which columns a model takes: those of our models, and of a user's function."""
WORDS = "words"


@dataclass(frozen=True, kw_only=True)
class Takes:
    """Form of a model's inputs, and of its outputs."""

    form: Form
    columns: tuple[Column, ...] = ()
    """Of rows and of a matrix: the columns; words are known of a matrix alone."""
    shape: tuple[int, ...] = ()
    """Of images and numbers: the shape of one example."""
    problem: str = "classification"
    classes: tuple[str, ...] = ()
    target: str | None = None
    """Column of the sweep's file with what is predicted."""
    features: tuple[str, ...] = ()
    """Of numbers: the names of the columns, where the data has any."""
    is_own: bool = False
    """Whether a user's function predicts."""
    returns: Kind | None = None
    """What that function says that it returns; None where its values tell."""

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
    card, about = card_of(read), _about(stored)
    told: dict[str, Any] = {
        "problem": card.get("problem", "classification"),
        "classes": tuple(card.get("classes", ())),
        "target": read.sweep.data.target,
        "is_own": (stored.data / FUNCTION).is_file(),
        "returns": about.get("returns"),
    }
    if columns := _columns(about.get("columns", ())):
        return Takes(form="rows", columns=columns, **told)
    if columns := _columns(about.get("matrix", ())):
        return Takes(form="matrix", columns=columns, **told)
    if told["problem"] == "tagging":
        return Takes(form="rows", columns=(Column(WORDS, "text"),), **told)
    if card.get("kind") == "series":
        return Takes(form="series", **told)
    shape = tuple(card.get("shape", ()))
    if told["problem"] not in ("classification", "regression") or not shape:
        way_out = f"mlflow.pyfunc.load_model({stored.uri!r}) takes arrays"
        raise NoModel(f"the model of sweep {read.home.id} predicts nothing for the rows of a file: {way_out}")
    told["features"] = tuple(card.get("features", ()))
    return Takes(form="images" if len(shape) == 3 else "numbers", shape=shape, **told)


def card_of(read: Reading) -> Mapping[str, Any]:
    """Return the sweep's data card; empty where the workload brings its own data, or the card is damaged."""
    return kept_card(read.home) or {}


def _about(stored: StoredModel) -> Mapping[str, Any]:
    """Return what the model's own file says of it; empty where it has none."""
    file = next((stored.data / name for name in CARDS if (stored.data / name).is_file()), None)
    return {} if file is None else json.loads(file.read_text(encoding="utf-8"))


def _columns(told: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> tuple[Column, ...]:
    """Return columns as a model's file tells them: of a user's function by name."""
    if isinstance(told, Mapping):
        return tuple(_of_function(name, one) for name, one in told.items())
    return tuple(_column(one) for one in told)


def _column(told: Mapping[str, Any]) -> Column:
    facts: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in told.items()}
    return Column(**facts)


def _of_function(name: str, told: Mapping[str, Any]) -> Column:
    kind, form = told["kind"], told.get("form", "")
    found = Column(name, kind, missing=tuple(told.get("missing", ())))
    return replace(found, date_format=form) if kind == "datetime" else replace(found, number_form=form)
