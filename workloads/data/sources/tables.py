"""Reads tables from CSV and Parquet files: a target column, and columns of every kind as one matrix."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from search_spaces.spec.files.dialect import read_with
from search_spaces.types.error_text import one_line
from search_spaces.types.problems import DataKind
from workloads.arrays import Array, Column, DataError
from workloads.data.raw import Raw
from workloads.data.sources.tabular.arrow_frame import TableFile
from workloads.data.sources.tabular.csv_file import read_csv
from workloads.data.sources.tabular.odd_rows import ends_in_sums
from workloads.data.sources.tabular.other_files import read_feather, read_json_lines, read_xlsx
from workloads.data.sources.tabular.parquet_file import UNREADABLE, read_parquet
from workloads.data.sources.tabular.place_of_row import place_of_row
from workloads.tables.columns import composed, encode, words
from workloads.tables.infer_kinds import columns_of
from workloads.tables.number_words import Styles

if TYPE_CHECKING:
    from search_spaces.spec.data import Data

FAR_YEAR = 2200
FAR = (FAR_YEAR - 1970) * 365.25 * 86_400
"""Seconds from 1970 to the year of which no dates are expected any more."""
READERS: Mapping[str, Callable[[Path, Data, Styles], TableFile]] = {
    "parquet": read_parquet,
    "xlsx": read_xlsx,
    "jsonl": read_json_lines,
    "feather": read_feather,
}
"""Readers by the key of the spec; any other file is one of CSV."""


def read_frame(path: str, data: Data) -> tuple[Any, Mapping[str, int | str]]:
    """Return the file as a DataFrame, and facts about its form. Raises DataError as ``read_file`` does."""
    found = read_file(path, data)
    return found.frame, found.details


def read_file(path: str, data: Data, known: Styles = MappingProxyType({})) -> TableFile:
    """Read a file of the kind that ``data`` names; ``known`` are the styles of columns of the file it belongs to.

    Raises DataError where it cannot be read, or has ragged rows.
    """
    try:
        further = data.also if path == data.table_file else []
        read = next((read for key, read in READERS.items() if getattr(data, key) is not None), None)
        if read is None:
            return read_csv([Path(each) for each in (path, *further)], data, known)
        return _joined({each: read(Path(each), data, known) for each in (path, *further)})
    except FileNotFoundError as error:
        raise DataError(f"there is no file {path}") from error
    except UNREADABLE as error:
        raise DataError(f"{path} cannot be read: {one_line(error)}") from error


def _joined(files: Mapping[str, TableFile]) -> TableFile:
    """Return several files as one. Raises ValueError where one has other columns than the first."""
    import pandas as pd

    (first, *others), found = files, list(files.values())
    for path in others:
        if unlike := set(files[path].frame.columns) ^ set(files[first].frame.columns):
            raise ValueError(f"{Path(path).name} must have the same columns, the difference is {min(unlike)!r}")
    frame = found[0].frame if not others else pd.concat([file.frame for file in found], ignore_index=True)
    notes = tuple(dict.fromkeys(note for file in found for note in file.notes))
    return TableFile(frame, found[0].details, notes, found[0].styles)


def target_of(frame: Any, data: Data, path: str) -> Any:
    """Return the target column, strings stripped. Raises DataError where it is missing or has empty cells."""
    import pandas as pd

    if data.target not in frame.columns:
        shown = ", ".join(map(str, frame.columns[:20])) + (", ..." if frame.shape[1] > 20 else "")
        raise DataError(f"{Path(path).name} has no column {data.target!r}; it has {shown}")
    target = frame[data.target]
    if target.isna().any():
        first = place_of_row(path, data, int(target.index[target.isna()][0]))
        where = f"{int(target.isna().sum())} rows, first in {first}"
        how = f'say data.missing: {{{data.target}: [""]}} to leave them out'
        raise DataError(f"column {data.target!r} of {Path(path).name} is empty in {where}: fill them, or {how}")
    if pd.api.types.is_numeric_dtype(target):
        return target
    if not any(isinstance(value, str) and value != composed(value) for value in target.unique()):
        return target
    return target.map(lambda value: composed(value) if isinstance(value, str) else value)


@dataclass(frozen=True)
class Groups:
    """Group of each row as a number, the words that the numbers stand for, and notes for the user."""

    numbers: Array | None = None
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def groups_of(frame: Any, data: Data, path: str, like: Raw | None = None) -> Groups:
    """Return each row's group, numbered as in ``like``; no numbers where the spec names no column of groups.

    Raises DataError where that column is missing or has empty cells. A further file, with ``like``, may lack it: a
    note says that its groups are not known.
    """
    import pandas as pd

    name = data.split.group
    if name is None:
        return Groups()
    if name not in frame.columns:
        if like is not None:
            return Groups(notes=(no_groups(path, name),))
        raise DataError(f"{Path(path).name} has no column {name!r} to group its rows by")
    texts = words(frame[name], ())
    if texts.isna().any():
        raise DataError(f"column {name!r} of {Path(path).name} is empty in {int(texts.isna().sum())} rows")
    known = () if like is None else like.group_names
    numbers, names = pd.concat([pd.Series(known, dtype=object), texts]).factorize()
    return Groups(numbers[len(known) :], tuple(names))


def no_groups(path: str, name: str) -> str:
    """Return the note on a file without the column of groups."""
    return f"{Path(path).name} has no column {name!r}: whether its groups are in other splits is not known"


def read_table(path: str, data: Data, like: Raw | None = None) -> Raw:
    """Read a table's examples, or with ``like`` those of a further file of that table. Raises DataError."""
    name = Path(path).name
    file = read_file(path, data) if like is None else read_file(path, _as_known(data, like), like.styles)
    notes = [f"{name}: {note}" for note in file.notes]
    frame = file.frame
    if data.parquet is None and data.feather is None and ends_in_sums(frame):
        frame = frame.iloc[:-1]
        notes.append(f"{name}: the last row, whose numbers are the sums of those above, is left out")
    if data.target in frame.columns and data.missing_in(str(data.target)):
        known = _known(frame[data.target], data.missing_in(str(data.target)))
        frame = frame[known]
        if left_out := int((~known).sum()):
            notes.append(f"{name}: {left_out} rows without a value of {data.target!r} are left out")
    found = table(frame, target_of(frame, data, path), data, path, like)
    if like is not None and (form := read_with(name, file.details)):  # the card's details have that of the first
        notes = [form, *notes]
    return replace(found, details=file.details, notes=(*notes, *found.notes), styles=file.styles)


def _known(target: Any, missing: Sequence[str]) -> Any:
    """Return whether each row has a target: a cell that is neither empty nor one of the words ``missing``."""
    import pandas as pd

    if not pd.api.types.is_numeric_dtype(target):
        return words(target, missing).notna()
    numbers = pd.to_numeric(pd.Series(missing, dtype=object), errors="coerce").dropna()
    return target.notna() & ~target.isin(numbers)


def _as_known(data: Data, like: Raw) -> Data:
    """Return ``data`` with the kinds that the table's columns have, so that words stay words in a further file."""
    import pandas as pd

    kinds: dict[str, Any] = {column.name: column.kind for column in like.columns}
    if not pd.api.types.is_numeric_dtype(like.target):
        kinds[str(data.target)] = "category"
    return data.model_copy(update={"columns": {**kinds, **data.columns}})


def _features(frame: Any, data: Data, place: str) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """Return the columns that a model sees, and messages: of texts those that the spec names, as they are."""
    if data.texts:
        return tuple(Column(name, "text", (), tuple(data.missing_in(name))) for name in data.texts), ()
    return columns_of(frame, data, place)


def _far_dates(x: Array, columns: Sequence[Column], place: str) -> Iterator[str]:
    """Yield a note for each column with dates that programs write where there is none, such as 9999-12-31."""
    for k, column in enumerate(columns):
        if column.kind == "datetime" and (x[:, k] > FAR).any():
            rule = f"holds dates after {FAR_YEAR}: where they stand for none, say what they are in data.missing"
            yield f"{place}: column {column.name!r} {rule}"


def table(frame: Any, target: Any, data: Data, path: str, like: Raw | None = None) -> Raw:
    """Return the examples of ``frame``: all columns but target and groups, or with ``like`` those of that table."""
    place = Path(path).name
    features = frame.drop(columns=[data.target, data.split.group], errors="ignore")
    columns, notes = _features(features, data, place) if like is None else (like.columns, ())
    hint, where = "; data.missing can name what stands for none", partial(place_of_row, path, data)
    x, columns = encode(features, columns, place, hint, where)
    groups = groups_of(frame, data, path, like)
    notes = (*notes, *(_far_dates(x, columns, place) if like is None else ()), *groups.notes)
    kind: DataKind = "sentences" if data.texts else "table"
    return Raw(kind, x, target, columns, notes, groups=groups.numbers, group_names=groups.names)
