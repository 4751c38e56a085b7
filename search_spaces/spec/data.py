"""The ``data`` key of a spec: the examples, the target column, and the splits."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field


class Split(BaseModel):
    """Fractions of the examples for each split, summing to 1, without a split that has a file of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    train: float = Field(default=0.7, description="Share of the examples that models are trained on.")
    val: float = Field(default=0.15, description="Share that the search compares trials by.")
    test: float = Field(default=0.15, description="Share that nothing sees before the verdict.")
    seed: int = Field(default=0, description="Seed of the split.")
    folds: Annotated[int, Field(ge=2, le=100)] | None = Field(
        default=None,
        description="A trial is trained so many times, each with another part of train and val for validation.",
    )
    group: str | None = Field(
        default=None, description="The column whose equal values stay in one split; it is no feature."
    )


class Data(BaseModel):
    """The examples. Exactly one of ``name``, ``csv``, ``parquet``, ``folder``, ``text`` and ``series`` is given.

    Paths are absolute once a spec is loaded.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str | None = Field(default=None, description="A registered data set.")
    csv: str | None = Field(default=None, description="A CSV file, the first line its columns; a table.")
    parquet: str | None = Field(
        default=None, description="A Parquet file: a table, or with image a column of encoded images."
    )
    target: str | None = Field(
        default=None, description="The column to predict; with header: false columns are named c0, c1, ..."
    )
    header: bool = Field(default=True, description="Whether the first line of the CSV file names its columns.")
    columns: dict[str, Any] = Field(
        default={},
        description="Kinds of a table's columns that are not to be told from their values: number, category, "
        "datetime, text, drop, or {ordinal: [lowest, ..., highest]}.",
    )
    missing: list[str] = Field(
        default=["?"],
        description="Words that stand for a missing value in a table, beside an empty cell, NA, NaN and null.",
    )
    image: str | None = Field(default=None, description="For Parquet: the column that holds encoded image bytes.")
    folder: str | None = Field(
        default=None,
        description="A folder with one folder of images for each class, or with such folders in train, val and "
        "test.",
    )
    skip_bad: bool = Field(
        default=False, description="Leave out, and count, what is no image, instead of refusing it."
    )
    in_memory_gib: float = Field(
        default=2.0,
        description="GiB. Images of a folder that take more when decoded are read from disk, again and again; of a "
        "streamed source what validation and test rows may take.",
    )
    streaming: bool | None = Field(
        default=None,
        description="Training rows are read in every epoch instead of kept; default: where they take more than a "
        "quarter of a lane's memory.",
    )
    root: str | None = Field(
        default=None, description="For data sets that torchvision downloads: the folder that holds them."
    )
    text: str | None = Field(default=None, description="A text file, whose characters are predicted one by one.")
    encoding: str = Field(default="utf-8", description="Of the text, by Python's name.")
    series: str | None = Field(
        default=None, description="A CSV file with one line per time, in order and equally far apart."
    )
    value: str | None = Field(default=None, description="The series' column to forecast.")
    time: str | None = Field(default=None, description="The series' column of dates or numbers that tells when.")
    window: int | None = Field(
        default=None,
        ge=1,
        le=65536,
        description="Steps that a model sees: characters of a text (default 64), values of a series (36, or one "
        "season).",
    )
    horizon: int = Field(default=1, ge=1, le=65536, description="Values of a series that are forecast at once.")
    season: int | None = Field(
        default=None,
        ge=1,
        description="Steps of a series' season; default: of a year, a week or a day, whichever its times suggest.",
    )
    val: str | None = Field(
        default=None, description="A file of the same form, whose examples are the validation split."
    )
    test: str | None = Field(
        default=None, description="A file of the same form, whose examples are the test split."
    )
    strict: bool = Field(default=False, description="A leak in the data is refused instead of told.")
    split: Split = Field(default=Split(), description="Shares of the three splits, and how rows are put into them.")

    @property
    def origin(self) -> str:
        """Name of the data set, or path of the source; empty without one."""
        return self.name or self.csv or self.parquet or self.folder or self.text or self.series or ""
