"""Looks at a file or folder of data, and proposes how a spec names it: the kind, the target, the problem."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

from search_spaces.spec.checks.data import MOST_TEXTS
from search_spaces.spec.data import Data
from search_spaces.spec.image_folder import FolderFault, class_folders
from search_spaces.spec.starting.example_data import ExampleData
from search_spaces.spec.starting.proposal import Proposal
from search_spaces.types.problems import DataKind, Problem
from workloads.arrays import Column, DataError
from workloads.data.sources.tables import read_frame
from workloads.data.targets import MANY_NUMBERS, holds_measurements, is_numeric
from workloads.tables.infer_kinds import columns_of, described

TARGETS: Final = ("target", "label", "labels", "class", "classes", "y", "outcome", "response", "output")
"""Names of columns that are what is to be predicted, the likeliest first."""
MANY_CLASSES: Final = 100
"""Number of classes from which on a column is rather names or free text than what is to be predicted."""
_NAMES_ROWS: Final = re.compile(r"(^|_)(id|uuid|guid|index|nr)$")
"""Names of columns that name rows, and are not what is to be predicted."""
TABLES: Final[Mapping[str, str]] = {
    **{"csv": "csv", "tsv": "csv", "tab": "csv", "parquet": "parquet", "pq": "parquet", "xlsx": "xlsx"},
    **{"jsonl": "jsonl", "ndjson": "jsonl", "json": "jsonl", "feather": "feather", "arrow": "feather"},
}
"""Key of the spec for each ending of a table's file."""
TEXTS: Final = ("txt", "text", "md")
TAGGED: Final = ("conll", "bio", "iob", "iob2", "bioes", "conll03", "conll2003")


def proposed(path: Path, shown: str, wanted: DataKind | None = None) -> Proposal:
    """Return what is proposed for the data at ``path``, which the spec names ``shown``.

    ``wanted`` is the kind of data asked for. Raises DataError where there is none that can be told.
    """
    if path.is_dir():
        return _folder(path, shown, wanted)
    ending = _ending(path)
    if ending in TEXTS:
        return Proposal("text", "language", ExampleData(_title(path), {"text": shown}))
    if ending in TAGGED:
        note = (
            "a word a line, its first column the word and its last the label; text: c0 and target: c3 name others"
        )
        return Proposal("tagged", "tagging", ExampleData(_title(path), {"conll": shown}), (note,))
    if ending not in TABLES:
        known = ", ".join(f".{one}" for one in (*TABLES, *TEXTS, *TAGGED))
        raise DataError(
            f"{path} is not recognised as data by its name: a folder of images or texts, or a file {known}"
        )
    return _table(path, shown, TABLES[ending], wanted)


def _ending(path: Path) -> str:
    packed = (".gz", ".bz2", ".xz", ".zst", ".zip")
    return (path.with_suffix("") if path.suffix.lower() in packed else path).suffix.lower().lstrip(".")


def _title(path: Path) -> str:
    return re.sub(r"\W+", "-", path.name.split(".")[0]).strip("-") or "data"


def _folder(path: Path, shown: str, wanted: DataKind | None) -> Proposal:
    try:
        folders = class_folders(path)
        texts = wanted == "sentences" or all(_ending(next(one.files())) in TEXTS for one in folders)
    except (FolderFault, OSError) as error:
        raise DataError(f"{path} is no folder of images, or of texts: {error}") from error
    if texts and wanted not in (None, "sentences"):
        raise DataError(f"{path} holds texts: workload recurrent takes them, and functions of your own do")
    classes = list(dict.fromkeys(one.name for one in folders))
    notes = [f"{len(classes)} classes{' of texts' if texts else ''}: {_few(classes)}"]
    if splits := list(dict.fromkeys(one.split for one in folders if one.split)):
        notes.append(f"its folders are splits: {', '.join(splits)}")
    kind, key = ("sentences", "documents") if texts else ("image", "folder")
    return Proposal(cast("DataKind", kind), "classification", ExampleData(_title(path), {key: shown}), tuple(notes))


def _table(path: Path, shown: str, key: str, wanted: DataKind | None) -> Proposal:
    data = Data.model_validate({key: str(path)})
    frame, _ = read_frame(str(path), data)
    if len(frame.columns) < 2:
        raise DataError(f"{path} must have a column to predict and one to predict it from")
    if wanted == "series" or (wanted is None and _is_series(frame, data, path)):
        return _series(frame, path, shown, data)
    names = list(map(str, frame.columns))
    target = target_of(names, path, [name for name in names if _is_predictable(frame[name])])
    problem = problem_of(frame[target])
    columns, left = columns_of(frame.drop(columns=[target]), data, path.name)
    notes = [f"to predict: {target} ({_about(frame[target], problem)}); another column is named the same way"]
    left_out: dict[str, Any] = {}
    if empty := int(frame[target].isna().sum()):
        left_out = {"missing": {target: [""]}}
        notes.append(f"{empty} of {len(frame)} rows have no {target}: with `missing` they are left out")
    texts = [column.name for column in columns if column.kind == "text"]
    features = [one.name for one in columns if not _NAMES_ROWS.search(one.name.casefold())]
    if wanted == "sentences" or (wanted is None and features == texts and 1 <= len(texts) <= MOST_TEXTS):
        texts = texts or _wordy(frame.drop(columns=[target]))
        if not 1 <= len(texts) <= MOST_TEXTS:
            raise DataError(f"{path} must have one column of texts, or two: it has {len(texts)} ({_few(texts)})")
        spec: dict[str, Any] = {
            key: shown,
            "target": target,
            "text": texts[0] if len(texts) == 1 else texts,
            **left_out,
        }
        return Proposal("sentences", problem, ExampleData(_title(path), spec), (*notes, _about_texts(texts)))
    notes.append(f"{len(frame)} rows, whose columns are by their values {'; '.join(described(columns))}")
    spec = {key: shown, "target": target, **left_out}
    return Proposal("table", problem, ExampleData(_title(path), spec), (*notes, *left))


def _wordy(frame: Any) -> list[str]:
    """Return the columns whose values have several words: of texts that are repeated, such as categories."""
    words = {str(name): float(frame[name].astype(str).str.split().str.len().mean()) for name in frame.columns}
    return [name for name, mean in words.items() if mean > 1.5]


def _about_texts(texts: Sequence[str]) -> str:
    return f"its texts: {' and '.join(texts)}; with `--data table` they are a table's bag of words"


def target_of(columns: Sequence[str], path: Path, able: Sequence[str] = ()) -> str:
    """Return the column that is likely to be predicted: by its name, by the file's, else the last one.

    Of columns that are not named as targets are, those in ``able`` come first, where there are any.
    """
    folded = {re.sub(r"\W+", "_", name.strip().casefold()): name for name in columns}
    for word in TARGETS:
        if word in folded:
            return folded[word]
    folded = {key: name for key, name in folded.items() if not _NAMES_ROWS.search(key)} or folded
    folded = {key: name for key, name in folded.items() if name in able} or folded
    stem = path.name.split(".")[0].casefold() or "data"
    like = [name for key, name in folded.items() if len(key) > 2 and (key.startswith(stem) or stem.startswith(key))]
    ends = [name for key, name in folded.items() if key.split("_")[-1] in TARGETS or key.split("_")[0] in TARGETS]
    return next(iter([*like, *ends, [*folded.values()][-1]]))


def _is_predictable(column: Any) -> bool:
    """Whether a column can be what is predicted: numbers, or a few classes that occur several times."""
    num_values = column.nunique()
    if problem_of(column) == "regression":
        return bool(num_values > 1)
    return bool(2 <= num_values <= min(MANY_CLASSES, max(2, column.count() // 2)))


def problem_of(target: Any) -> Problem:
    """Return the problem of predicting a column: words, truth values and few whole numbers are classes."""
    import pandas as pd

    if not is_numeric(target) or pd.api.types.is_bool_dtype(target):
        return "classification"
    many = target.nunique() >= MANY_NUMBERS
    return "regression" if many or holds_measurements(target) else "classification"


def _about(target: Any, problem: Problem) -> str:
    values = target.dropna().unique().tolist()
    if problem == "regression":
        return f"numbers from {target.min():g} to {target.max():g}"
    return f"{len(values)} classes: {_few(values)}"


def _few(values: Any) -> str:
    shown = [str(value) for value in list(values)[:6]]
    return ", ".join(shown) + (f" and {len(values) - 6} more" if len(values) > 6 else "")


def _kinds(frame: Any, data: Data, path: Path) -> tuple[Column, ...]:
    try:
        return columns_of(frame, data, path.name)[0]
    except DataError:
        return ()


def _is_series(frame: Any, data: Data, path: Path) -> bool:
    """Whether a table is one column of times in order and one of numbers."""
    kinds = [column.kind for column in _kinds(frame, data, path)]
    return frame.shape[1] == 2 and sorted(kinds) == ["datetime", "number"]


def _series(frame: Any, path: Path, shown: str, data: Data) -> Proposal:
    kinds = {column.name: column.kind for column in _kinds(frame, data, path)}
    numbers = [name for name, kind in kinds.items() if kind == "number"]
    times = [name for name, kind in kinds.items() if kind == "datetime"]
    if not numbers or data.csv is None:
        raise DataError(f"{path} must be a CSV file with a column of numbers to forecast")
    value = target_of(numbers, path)
    spec = {"series": shown, **({"time": times[0]} if times else {}), "value": value}
    others = [name for name in numbers if name != value]
    notes = [f"to forecast: {value}, {len(frame)} steps; horizon: 1, the values that are forecast at once"]
    notes += [f"or with inputs that are known before: inputs: [{_few(others)}]"] if others else []
    return Proposal("series", "forecast", ExampleData(_title(path), spec), tuple(notes))
