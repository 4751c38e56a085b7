"""Scans a source that is to be streamed, once: counts rows, keeps those of validation and test, and a sample.

The sample is the training rows with the lowest hashes, so that every scan chooses the same ones. Preprocessing
(scaling, the features of a table, the size of images) is fitted on it. Validation and test rows are all kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from search_spaces.spec.files.steady import FileChanged, unchanged
from workloads.arrays import SPLITS, Array, DataError
from workloads.data.copies import comparisons
from workloads.data.leaks import Table
from workloads.data.raw import Raw, Rest
from workloads.data.sources.images import ImagesRead, decode, images_like, raw_images
from workloads.data.sources.tables import no_groups
from workloads.data.sources.tables import table as table_of
from workloads.data.sources.tabular.csv_file import LEADING_ZERO, LONG
from workloads.data.streaming.files import CsvFiles, Files, is_local, listed, table_files
from workloads.data.streaming.images import LABEL, image_files, image_place, read_each, with_sizes
from workloads.data.streaming.other_cells import OtherCells
from workloads.data.streaming.stream import Shares, StreamTarget, hashable, row_hashes
from workloads.tables.columns import encode
from workloads.tables.infer_kinds import columns_of

if TYPE_CHECKING:
    import pyarrow as pa

    from search_spaces.spec.data import Data

TABLE_SAMPLE, IMAGE_SAMPLE = 50_000, 1_000
"""Number of training rows in the sample, of a table and of images."""
MAX_LABELS = 10_000
"""Number of distinct targets above which they are no longer counted: they are measurements."""
GIB = 2**30


def scanned(data: Data) -> Raw:
    """Scan the source; returns the rows that are kept, each with its split, and facts about the rest.

    Raises DataError where a column is missing, a split is empty, or validation and test rows do not fit in memory.
    """
    with _unchanged(data):
        files = files_of(data)
        look = _Look(data, files, Shares.of(data.split, _keys(data, files), _own(data)))
        for piece in files.pieces:
            for table in files.tables(piece):
                look.at(table)
    return look.raw()


def read_whole(data: Data, uri: str, like: Raw) -> Raw:
    """Read a further file of a streamed source, of validation or test, as ``like``; all its rows are kept.

    Raises DataError where they do not fit in memory, or there are none.
    """
    import pyarrow as pa

    assert like.rest is not None
    further = data.model_copy(update={_key(data): uri, "also": []})
    tables: list[pa.Table] = []
    with _unchanged(further):
        files = files_of(further)
        for piece in files.pieces:
            for table in files.tables(piece):
                tables.append(table)
                _check_size(tables, data, files.place)
    if not tables:
        raise DataError(f"{files.place}: there are no rows")
    rows = pa.concat_tables(tables)
    return _raw(further, files, rows, like.rest.target.read(rows), like)[0]


@contextmanager
def _unchanged(data: Data) -> Iterator[None]:
    """Raise DataError after the block if a table of this machine was written to or replaced within it."""
    uris = [uri for uri in (data.csv or data.parquet, *data.also) if uri is not None and is_local(uri)]
    local = [Path(path) for uri in uris for path in listed(uri)]
    try:
        with unchanged(local):
            yield
    except FileChanged as error:
        raise DataError(f"data.{_key(data)}: {error}") from error


def files_of(data: Data) -> Files:
    """Return the source's files. Raises DataError where there are none."""
    return table_files(data) if data.folder is None else image_files(data.folder)


def _key(data: Data) -> str:
    return "folder" if data.folder is not None else "csv" if data.csv is not None else "parquet"


def _own(data: Data) -> list[str]:
    return [name for name in ("val", "test") if getattr(data, name) is not None]


def _target_name(data: Data) -> str:
    return LABEL if data.folder is not None else str(data.target)


def _keys(data: Data, files: Files) -> Sequence[str]:
    """Return the columns whose values decide a row's split: the group, the image, or all features."""
    if data.split.group is not None:
        return (data.split.group,)
    if data.folder is not None or data.image is not None:
        return (image_place(data)[0],)
    first = next(files.tables(files.pieces[0]), None)
    if first is None:
        raise DataError(f"{files.place}: there are no rows")
    return _features(first.drop_columns([name for name in first.column_names if name == data.target]), data, files)


def _features(rows: pa.Table, data: Data, files: Files) -> list[str]:
    """Return the columns that are features by the first rows, but for those that number the rows.

    By these, copies of a row would fall into several splits.
    """
    frame = rows.to_pandas()
    columns, _ = columns_of(frame, data, files.place)
    names, kinds = [column.name for column in columns], [column.kind for column in columns]
    table = Table(encode(frame, columns, files.place)[0], np.zeros(len(frame)), names, kinds)
    numbers = comparisons(table, data.columns)[0].left_out
    return [name for name in names if name not in numbers]


@dataclass
class _Look:
    """State of a scan: counts and rows of the tables so far."""

    data: Data
    files: Files
    shares: Shares
    num_rows: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    """Training rows by label."""
    others: set[str] = field(default_factory=set)
    """Labels of the rows that are kept for validation and test."""
    missing: Counter[str] = field(default_factory=Counter)
    other_cells: OtherCells = field(init=False)
    checksum: int = 0
    numeric: bool = True
    fractions: bool = False
    codes: bool = False
    """Whether the target has whole numbers that are told apart by more than their value."""
    kept: dict[str, list[pa.Table]] = field(default_factory=lambda: {"train": [], "val": [], "test": []})
    rows: dict[str, list[Array]] = field(default_factory=lambda: {"train": [], "val": [], "test": []})
    """Positions in the source of the rows in ``kept``, table by table."""
    groups: dict[str, Array] = field(default_factory=lambda: dict.fromkeys(SPLITS, np.array([], np.int64)))
    """Distinct groups by split, looked for where a split has a file of its own."""
    sample: list[Array] = field(default_factory=list)
    """Hashes (0 to 1) of the rows in ``kept["train"]``, table by table."""

    def __post_init__(self) -> None:
        self.other_cells = OtherCells(self.data)

    def at(self, table: pa.Table) -> None:
        """Count some rows and keep those needed. Raises DataError for a missing column or too large splits."""
        target = _target_name(self.data)
        for name in (target, *self.shares.keys):
            if name not in table.column_names:
                raise DataError(f"{self.files.place}: has no column {name!r}; it has {table.column_names[:20]}")
        hashes = self.shares.hashes(table)
        places = hashes / 2.0**64
        whole = table if self.data.folder is None else with_sizes(table, self.data.folder)
        self.checksum = (self.checksum + int(row_hashes(whole, self._others(whole), hashes).sum())) % 2**64
        masks = {
            "test": places < self.shares.test,
            "val": (places >= self.shares.test) & (places < self.shares.val),
            "train": places >= self.shares.val,
        }
        rows = np.arange(table.num_rows) + self.num_rows.total()
        self._count(table, masks, target)
        if self.data.split.group is not None and _own(self.data):
            groups = groups_in(table, self.data.split.group)
            for name, mask in masks.items():
                self.groups[name] = np.union1d(self.groups[name], groups[mask])
        for name, mask in masks.items():
            self.kept[name].append(table.filter(mask))
            self.rows[name].append(rows[mask])
        _check_size([*self.kept["val"], *self.kept["test"]], self.data, self.files.place)
        self.sample.append(places[masks["train"]])
        if sum(map(len, self.sample)) > 2 * self._sample_size:
            self._thin()

    def _others(self, table: pa.Table) -> list[str]:
        """Return the columns, beside those of ``shares``, on which the digest depends: the target and features."""
        known = self.shares.keys
        return [n for n in table.column_names if n not in known and self.data.columns.get(n) != "drop"]

    def _count(self, table: pa.Table, masks: Mapping[str, Array], target: str) -> None:
        import pandas as pd

        found = StreamTarget(target, numeric=False).read(table)
        numbers = pd.to_numeric(found, errors="coerce")
        self.numeric = self.numeric and bool(numbers.notna().all())
        self.fractions = self.fractions or bool((numbers % 1 > 0).any())
        self.codes = self.codes or bool(found.str.contains(f"{LEADING_ZERO}|{LONG}").any())
        for name, mask in masks.items():
            self.num_rows[name] += int(mask.sum())
        if len(self.labels) <= MAX_LABELS:
            self.labels.update(found[masks["train"]].tolist())
            self.others.update(found[~masks["train"]].tolist())
        if self.data.folder is None and self.data.image is None:
            self.other_cells.look(table)
            for name in table.column_names:
                self.missing[name] += _num_missing(table[name], self.data.missing_in(name))

    def _thin(self) -> None:
        """Reduce the sample to the rows with the lowest hashes."""
        import pyarrow as pa

        places, rows = np.concatenate(self.sample), pa.concat_tables(self.kept["train"])
        index = np.sort(np.argsort(places, kind="stable")[: self._sample_size])
        self.sample, self.kept["train"] = [places[index]], [rows.take(index)]
        self.rows["train"] = [np.concatenate(self.rows["train"])[index]]

    @property
    def _sample_size(self) -> int:
        return TABLE_SAMPLE if self.data.folder is None and self.data.image is None else IMAGE_SAMPLE

    def raw(self) -> Raw:
        """Return the rows that are kept, with facts about the rest. Raises DataError where a split is empty."""
        import pandas as pd
        import pyarrow as pa

        self._thin()
        empty = [
            name for name in ("train", "val", "test") if not self.num_rows[name] and name not in _own(self.data)
        ]
        if empty:
            raise DataError(
                f"{self.files.place}: no row falls into {empty[0]}: there are too few rows to stream them"
            )
        rows = pa.concat_tables([pa.concat_tables(tables) for tables in self.kept.values() if tables])
        splits = np.concatenate([[name] * sum(map(len, tables)) for name, tables in self.kept.items()])
        numeric = self.numeric and (self.fractions or not self.codes)
        target = StreamTarget(_target_name(self.data), numeric)
        labels = pd.Series(sorted({*self.labels, *self.others}), dtype=object)
        found, kept = _raw(self.data, self.files, rows, target.read(rows), None)
        if isinstance(self.files, CsvFiles):
            self.other_cells.refuse(found.columns, self.files.place)
            found = replace(found, details=self.files.told)
        rest = Rest(
            files=self.files,
            shares=self.shares,
            target=target,
            labels=pd.to_numeric(labels) if numeric else labels,
            counts=dict(self.labels),
            num_rows=dict(self.num_rows),
            checksum=f"{self.checksum:016x}",
            missing=dict(self.missing),
            rows=np.concatenate([each for tables in self.rows.values() for each in tables])[kept],
            groups={name: each for name, each in self.groups.items() if len(each)},
            depth=found.depth,
        )
        return replace(found, splits=splits[kept], rest=rest)


def _raw(data: Data, files: Files, rows: pa.Table, target: Any, like: Raw | None) -> tuple[Raw, Array]:
    """Return rows as examples, and their positions among ``rows``: bad images may be left out."""
    name, group = files.place.partition(": ")[2], data.split.group
    groups = None if group is None or group not in rows.column_names else groups_in(rows, group)
    if data.folder is None and data.image is None:
        found = table_of(rows.to_pandas(), target, data, name, like)
        return replace(found, groups=groups, group_names=()), np.arange(rows.num_rows)
    column, uri = image_place(data)
    cells = read_each(rows, column, uri, lambda encoded: encoded)
    decoded = decode(cells, images_like(ImagesRead(files.place, data.skip_bad), like))
    _check_bytes(decoded.x.nbytes, data, files.place)
    images = raw_images(decoded, target)
    unknown = (no_groups(name, group),) if group is not None and groups is None else ()
    grouped = None if groups is None else groups[decoded.kept]
    return replace(images, notes=(*images.notes, *unknown), groups=grouped), decoded.kept


def groups_in(table: pa.Table, column: str) -> Array:
    """Return each row's group (rows,), int64: a hash of its value."""
    return row_hashes(table, [column]).view(np.int64)


def _num_missing(column: pa.ChunkedArray, words: Sequence[str]) -> int:
    found = hashable(column)
    if found.dtype == np.float64:
        return int(np.isnan(found).sum())
    return int(column.null_count) + sum(isinstance(v, str) and v.strip() in words for v in found)


def _check_size(tables: Sequence[pa.Table], data: Data, place: str) -> None:
    _check_bytes(sum(table.nbytes for table in tables), data, place)


def _check_bytes(num_bytes: int, data: Data, place: str) -> None:
    if num_bytes > data.in_memory_gib * GIB:
        raise DataError(
            f"{place}: what is not trained on must fit in memory: validation and test rows take more than "
            f"{num_bytes / GIB:.2f} GiB, received data.in_memory_gib: {data.in_memory_gib:g}: raise it, or give "
            "smaller shares in data.split"
        )
