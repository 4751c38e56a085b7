"""The ``data`` part of a spec: which examples, which column is the target, and how they are split."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field


class Split(BaseModel):
    """Fractions of the examples, summing to 1; a split that has a file of its own takes no part."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    train: float = 0.7
    val: float = 0.15
    test: float = 0.15
    seed: int = 0
    folds: Annotated[int, Field(ge=2, le=100)] | None = None
    """A trial is trained so many times, each with another part of train and val for validation."""
    group: str | None = None
    """The column whose equal values stay in one split; it is no feature."""


class Data(BaseModel):
    """Exactly one of ``name``, ``csv``, ``parquet``, ``folder``, ``text`` and ``series`` is given.

    Paths are absolute once a spec is loaded.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str | None = None
    """A registered data set."""
    csv: str | None = None
    parquet: str | None = None
    target: str | None = None
    """The column to predict; with ``header: false`` columns are named c0, c1, ..."""
    header: bool = True
    columns: dict[str, Any] = {}
    """A table's columns whose kind is not to be told from their values: number, category, datetime, text, drop, or
    {ordinal: [lowest, ..., highest]}."""
    missing: list[str] = ["?"]
    """Words that stand for a missing value in a table, beside an empty cell, NA, NaN and null."""
    image: str | None = None
    """For Parquet: the column that holds encoded image bytes."""
    folder: str | None = None
    """A folder with one folder of images for each class, or with such folders in train, val and test."""
    skip_bad: bool = False
    """Leave out, and count, what is no image, instead of refusing it."""
    in_memory_gib: float = 2.0
    """Images of a folder that take more when decoded are read from disk, again and again; of a streamed source what
    validation and test rows may take."""
    streaming: bool | None = None
    """Training rows are read in every epoch instead of kept; default: where they take more than a lane's memory."""
    root: str | None = None
    """For data sets that torchvision downloads: the folder that holds them."""
    text: str | None = None
    """A text, whose characters are predicted one by one."""
    encoding: str = "utf-8"
    """Of the text, by Python's name."""
    series: str | None = None
    """A CSV file with one line per time, in order and equally far apart."""
    value: str | None = None
    """The series' column to forecast."""
    time: str | None = None
    """The series' column of dates or numbers that tells when."""
    window: int | None = Field(None, ge=1, le=65536)
    """Steps that a model sees: characters of a text (default 64), values of a series (36, or one season)."""
    horizon: int = Field(1, ge=1, le=65536)
    """Values of a series that are forecast at once."""
    season: int | None = Field(None, ge=1)
    """Steps of a series' season; default: of a year, a week or a day, whichever its times suggest."""
    val: str | None = None
    """A file of the same form, whose examples are the validation split."""
    test: str | None = None
    """A file of the same form, whose examples are the test split."""
    strict: bool = False
    """A leak in the data is refused instead of told."""
    split: Split = Split()

    @property
    def origin(self) -> str:
        """The registered name, or the path of the examples."""
        return self.name or self.csv or self.parquet or self.folder or self.text or self.series or ""
