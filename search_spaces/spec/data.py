"""The ``data`` key of a spec: the examples, the target column, and the splits."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

TABLES = ("csv", "parquet", "xlsx", "jsonl", "feather")
"""Keys of files of tables, whose columns ``split.group`` may name."""
PATHS = (*TABLES, "folder", "documents", "conll", "text", "series", "val", "test", "root")
"""Keys that are paths, beside ``also``, a list of them."""
DOCUMENT = "document"
"""Name by which ``split.group`` keeps the sentences of each document of a CoNLL file together."""


class Split(BaseModel):
    """Fractions of the examples for each split, summing to 1, without a split that has a file of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    train: float = Field(default=0.7, description="Share of the examples that models are trained on.")
    val: float = Field(default=0.15, description="Share by which the search compares trials.")
    test: float = Field(default=0.15, description="Share that only the final evaluation uses.")
    seed: int = Field(default=0, description="Seed of the split.")
    folds: Annotated[int, Field(ge=2, le=100)] | None = Field(
        default=None,
        description="Number of folds: a trial is trained once for each, "
        "with another part of train and val to validate on.",
    )
    group: str | None = Field(
        default=None, description="The column whose equal values stay in one split; it is no feature."
    )


class Data(BaseModel):
    """The examples. Exactly one source is given: ``name``, a table's file, a folder, ``text`` or ``series``.

    None is given where the workload brings its own data. Paths are absolute once a spec is loaded.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str | None = Field(default=None, description="A registered data set.")
    csv: str | None = Field(default=None, description="A CSV file, the first line its columns; a table.")
    parquet: str | None = Field(
        default=None, description="A Parquet file: a table, or with image a column of encoded images."
    )
    xlsx: str | None = Field(default=None, description="An Excel file of the kind .xlsx, one sheet of it; a table.")
    sheet: str | None = Field(default=None, description="The sheet of an Excel file, where several hold something.")
    jsonl: str | None = Field(
        default=None, description="A file with one JSON object on each line, or one list of objects; a table."
    )
    feather: str | None = Field(default=None, description="A Feather file, of Apache Arrow; a table.")
    also: list[str] = Field(
        default=[],
        description="Further files of a table, with the same columns; csv: [a.csv, b.csv] says the same.",
    )
    target: str | None = Field(
        default=None,
        description="The column to predict; with header: false, and in a CoNLL file, columns are named c0, c1, ...",
    )
    header: bool = Field(
        default=True, description="Whether the first line of a CSV file, or row of a sheet, names its columns."
    )
    separator: str | None = Field(
        default=None, min_length=1, max_length=1, description="The character between two cells of a CSV file."
    )
    decimal: Literal[".", ","] | None = Field(
        default=None, description="The character before the fraction of a CSV file's numbers."
    )
    thousands: Literal[",", ".", " ", "'"] | None = Field(
        default=None, description="The character between groups of three digits of a CSV file's numbers."
    )
    quote: str | None = Field(
        default=None,
        max_length=1,
        description="The character around cells of a CSV file that hold separators; empty: none.",
    )
    comment: str | None = Field(
        default=None,
        max_length=1,
        description="Lines of a CSV or CoNLL file that begin with this character are left out.",
    )
    skip_rows: int | None = Field(
        default=None,
        ge=0,
        description="Lines of a CSV file, or rows of a sheet, before the header, which are left out.",
    )
    columns: dict[str, Any] = Field(
        default={},
        description="Kinds of a table's columns that would be inferred wrongly from their values: number, "
        "category, datetime, text, drop, {ordinal: [lowest, ..., highest]}, or {datetime: FORMAT}, such as "
        "'%d/%m/%Y' or ISO8601.",
    )
    missing: list[str] | dict[str, list[str]] | None = Field(
        default=None,
        description="Words that stand for a missing value in a table, for all columns or by column; default: ? in "
        "features, beside NA, NaN and null. A target's words are values unless this says otherwise.",
    )
    image: str | None = Field(default=None, description="For Parquet: the column that holds encoded image bytes.")
    folder: str | None = Field(
        default=None,
        description="A folder with one folder of images for each class, or with such folders in train, val and "
        "test.",
    )
    skip_bad: bool = Field(
        default=False, description="Leave out and count files that are not images, instead of refusing them."
    )
    in_memory_gib: float = Field(
        default=2.0,
        description="Memory in GiB for the decoded images of a folder: if they take more, they are read from disk "
        "each time. Of streamed data: for its validation and test rows.",
    )
    streaming: bool | None = Field(
        default=None,
        description="Training rows are read in every epoch instead of kept; default: where they take more than a "
        "quarter of a worker's memory.",
    )
    root: str | None = Field(
        default=None, description="For data sets that torchvision downloads: the folder that holds them."
    )
    text: str | None = Field(
        default=None,
        description="A text file, whose characters are predicted one by one. Beside a table's file: the column of "
        "texts that are classified or scored, or a list of two columns that are read together. Of a CoNLL file: "
        "the column of words, default c0.",
    )
    texts: list[str] = Field(
        default=[],
        description="What text beside a table's file is: its one or two columns of texts.",
    )
    prompt: str | None = Field(
        default=None, description="Beside a table's file: the column of texts that a causal model is to continue."
    )
    completion: str | None = Field(
        default=None, description="The column of texts that continue the prompts, which are to be predicted."
    )
    documents: str | None = Field(
        default=None,
        description="A folder with one folder of text files for each class, or with such folders in train, val and "
        "test.",
    )
    conll: str | None = Field(
        default=None,
        description="A file of sentences whose words have each a label: a word a line, an empty line between "
        "sentences, columns c0, c1, ... between blanks or tabs; the last is the label unless target names one.",
    )
    encoding: str | None = Field(
        default=None,
        description="Encoding of a text (default utf-8) or a CSV file, by Python's name, such as cp1252 or utf-16.",
    )
    series: str | None = Field(
        default=None,
        description="A CSV file with one line per time, in order, at equal steps: of seconds to years, weekdays or "
        "trading days.",
    )
    value: str | None = Field(default=None, description="The series' column to forecast.")
    time: str | None = Field(default=None, description="The series' column of times: dates or numbers.")
    series_id: str | None = Field(
        default=None,
        description="The column that names the series of a row, in a file of several with one step; they are split "
        "at the same times.",
    )
    inputs: list[str] = Field(
        default=[],
        description="Further columns of numbers that are known before the series' value, such as a holiday or a "
        "price; a model sees them up to the steps that it forecasts.",
    )
    time_format: str | None = Field(
        default=None,
        description="How the series' times are written: a pattern such as '%d.%m.%Y %H:%M' (%q: quarter), ISO8601, "
        "unix_s, unix_ms, unix_us, unix_ns or number; default: as all of them tell.",
    )
    time_zone: str | None = Field(
        default=None,
        description="The place whose clock tells the series' local times, such as Europe/Berlin; needed where that "
        "clock is put forward and back.",
    )
    gaps: Literal["error", "interpolate", "carry", "drop"] | None = Field(
        default=None,
        description="What is done where steps of a series or their values are missing: refused; filled, as inputs "
        "only, on a straight line or with the last value; or windows with a gap are left out. Default: error, but "
        "weekdays without a row are holidays where they are 1 % to 10 %.",
    )
    duplicates: Literal["error", "mean", "last"] | None = Field(
        default=None,
        description="What is done with several rows of one time: refused (the default), averaged, or all but the "
        "last left out.",
    )
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
        description="Number of steps in a season of the series; default: by the interval of its times "
        "(12 for months, 7 for days).",
    )
    val: str | None = Field(
        default=None, description="A file of the same form, whose examples are the validation split."
    )
    test: str | None = Field(
        default=None, description="A file of the same form, whose examples are the test split."
    )
    strict: bool = Field(default=False, description="Refuse data with a leak, instead of reporting it.")
    split: Split = Field(default=Split(), description="Shares of the three splits, and how rows are put into them.")

    @model_validator(mode="before")
    @classmethod
    def _first_of_several(cls, tree: Any) -> Any:
        """Move all but the first of several files of a table to ``also``."""
        for key in TABLES if isinstance(tree, dict) else ():
            files = tree.get(key)
            if isinstance(files, list) and files and "also" not in tree:
                return {**tree, key: files[0], "also": files[1:]}
        return tree

    @model_validator(mode="before")
    @classmethod
    def _columns_of_texts(cls, tree: Any) -> Any:
        """Move ``text`` beside a table's or a CoNLL file, where it names columns, to ``texts``."""
        beside = (*TABLES, "conll")
        if not isinstance(tree, dict) or "texts" in tree or not any(tree.get(key) for key in beside):
            return tree
        named = tree.get("text")
        columns = named if isinstance(named, list) else [named]
        if not all(isinstance(column, str) for column in columns):
            return tree
        return {**{key: value for key, value in tree.items() if key != "text"}, "texts": columns}

    def missing_in(self, column: str) -> list[str]:
        """Words that the spec says stand for a missing value in a column."""
        if isinstance(self.missing, list):
            return self.missing
        unsaid = [] if column in (self.target, self.prompt, self.completion, *self.texts) else ["?"]
        return unsaid if self.missing is None else self.missing.get(column, unsaid)

    @property
    def given(self) -> bool:
        """Whether there is a source; False: the workload brings its own data."""
        return bool(self.origin)

    @property
    def origin(self) -> str:
        """Name of the data set, or path of the source, of several files the first; empty without one."""
        first = (
            self.name
            or self.table_file
            or self.folder
            or self.documents
            or self.text
            or self.series
            or self.conll
            or ""
        )
        return first if not self.also else f"{first} and {len(self.also)} more"

    @property
    def table_file(self) -> str | None:
        """Path of the table's file; None for other sources."""
        return self.csv or self.parquet or self.xlsx or self.jsonl or self.feather
