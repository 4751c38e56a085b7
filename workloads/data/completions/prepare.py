"""Splits prompts and their completions into train, validation and test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workloads.arrays import SPLITS, Array, Arrays, Column, DataError
from workloads.data.completions.describe import empty, facts, repeated
from workloads.data.completions.exact_cells import exact_cells
from workloads.data.data_card import DataCard, data_card
from workloads.data.leaks import refuse, shared_groups
from workloads.data.search_data import Prepared, SearchData
from workloads.data.sources.read import unchanged_files
from workloads.data.sources.tabular.place_of_row import place_of_row
from workloads.data.splits import folds, own_files, split
from workloads.data.statistics import fit

if TYPE_CHECKING:
    from search_spaces.spec.data import Data


@dataclass(frozen=True)
class Pairs:
    """Prompts and completions of a file, with the row number and the group of each."""

    prompts: Sequence[str]
    completions: Sequence[str]
    rows: Array
    groups: Sequence[str] = ()
    """Empty without groups."""
    notes: tuple[str, ...] = ()

    def take(self, index: Array) -> Pairs:
        """Return the pairs with the numbers ``index``."""
        kept = [[column[k] for k in index] for column in (self.prompts, self.completions, self.groups) if column]
        return Pairs(kept[0], kept[1], self.rows[index], kept[2] if self.groups else ())


def read_pairs(path: str, data: Data) -> Pairs:
    """Read a file's pairs. A missing prompt is an empty one; a group is a text of its column.

    Raises DataError for rows without a completion, unless ``data.missing`` says what stands for none: then they are
    left out.
    """
    prompt, completion, group, name = str(data.prompt), str(data.completion), data.split.group, Path(path).name
    of_groups = [group] if group is not None and group not in (prompt, completion) else []
    with unchanged_files(path, *(data.also if path == data.table_file else ())):
        found = exact_cells(path, data, [prompt, completion, *of_groups])
    there = np.flatnonzero([text is not None for text in found[completion]])
    lost = len(found[completion]) - len(there)
    if lost and not (isinstance(data.missing, dict) and completion in data.missing):
        first = place_of_row(path, data, next(k for k, text in enumerate(found[completion]) if text is None))
        raise DataError(
            f"column {completion!r} of {name} is empty in {lost} rows, first in {first}: fill them, or say "
            f'data.missing: {{{completion}: [""]}} to leave them out'
        )
    groups = [] if group is None else [text or "" for text in found[group]]
    if any(not text for text in groups):
        raise DataError(f"column {group!r} of {name} is empty in {sum(not text for text in groups)} rows")
    whole = Pairs(
        [text or "" for text in found[prompt]],
        [text or "" for text in found[completion]],
        np.arange(len(found[prompt])),
        groups,
    )
    notes = (f"{name}: {lost} rows without a value of {completion!r} are left out",) if lost else ()
    kept = whole.take(there)
    return Pairs(kept.prompts, kept.completions, kept.rows, kept.groups, notes)


def prepare_pairs(data: Data) -> Prepared:
    """Read, split and describe pairs. Raises DataError, one sentence for the user.

    ``y`` of a split is (rows, 1), the number of characters of each completion. ``split.group`` may be the prompt's
    column: then all completions of a prompt are in one split.
    """
    assert data.table_file is not None
    whole = read_pairs(data.table_file, data)
    own = {name: read_pairs(path, data) for name, path in own_files(data).items()}
    if len(whole.prompts) < (needed := len(SPLITS) - len(own)):
        held = f"{Path(data.table_file).name} must hold {needed} rows or more, one for each split"
        raise DataError(f"{held}, received {len(whole.prompts)}")
    numbers = _numbered([whole, *own.values()])
    free = np.zeros(len(whole.prompts))  # no classes to stratify by
    groups = numbers[0] if whole.groups else None
    indices = split(free, data.split, groups=groups, with_test="test" not in own, with_val="val" not in own)
    found = {name: own[name] if name in own else whole.take(indices[name]) for name in SPLITS}
    of_groups = {name: numbers[0][index] for name, index in indices.items()} if whole.groups else {}
    of_groups |= dict(zip(own, numbers[1:], strict=True)) if whole.groups else {}
    parts = _arrays(found, data, of_groups.get("test"))
    divided, fold_rows = _folds(data, whole, groups, indices)
    rows = {name: found[name].rows for name in SPLITS} | fold_rows
    search = SearchData(
        parts["train"],
        parts["val"],
        fit(parts["train"].x),
        1,
        "completion",
        folds=divided,
        sentences=True,
    )
    notes = [note for pairs in (whole, *own.values()) for note in pairs.notes]
    return Prepared(search, parts["test"], _card(data, parts, of_groups, notes), rows)


def _numbered(files: Sequence[Pairs]) -> list[Array]:
    """Return each file's groups as numbers that all files share."""
    known: dict[str, int] = {}
    return [np.array([known.setdefault(group, len(known)) for group in pairs.groups]) for pairs in files]


def _folds(
    data: Data, whole: Pairs, groups: Array | None, indices: Mapping[str, Array]
) -> tuple[Any, dict[str, Array]]:
    """Return the folds, and by name (``fold0``) the rows of the source that validate each."""
    if data.split.folds is None:
        return (), {}
    pool = np.concatenate([indices["train"], indices["val"]])
    found = folds(np.zeros(len(pool)), data.split, None if groups is None else groups[pool])
    return found, {f"fold{number}": np.sort(whole.rows[pool[val]]) for number, (_, val) in enumerate(found)}


def _arrays(found: Mapping[str, Pairs], data: Data, of_test: Array | None) -> dict[str, Arrays]:
    """Return the splits; the search's columns have the texts of train and val, those of test more behind them."""
    parts = {}
    for name, pairs in found.items():
        seen = ("train", "val", "test") if name == "test" else ("train", "val")
        columns, codes = [], []
        for column, field in ((data.prompt, "prompts"), (data.completion, "completions")):
            code: dict[str, float] = {}
            for text in (text for one in seen for text in getattr(found[one], field)):
                code.setdefault(text, float(len(code)))
            columns.append(Column(str(column), "text", tuple(code)))
            codes.append([code[text] for text in getattr(pairs, field)])
        y = np.array([[float(len(text))] for text in pairs.completions]).reshape(-1, 1)
        x = np.asfortranarray(np.array(codes).T.reshape(-1, 2))
        parts[name] = Arrays(x, y, tuple(columns), of_test if name == "test" else None)
    return parts


def _card(data: Data, parts: Mapping[str, Arrays], groups: Mapping[str, Array], notes: Sequence[str]) -> DataCard:
    """Return the data card. Raises DataError for a leak where ``data.strict`` allows none."""
    names = (str(data.prompt), str(data.completion))
    counts, findings = repeated(parts, names)
    findings += shared_groups(groups, str(data.split.group))
    if data.strict:
        refuse(findings)
    told = {
        "kind": "completions",
        "problem": "completion",
        "features": names,
        "columns": dict.fromkeys(names, "text"),
        "details": facts(parts),
        "duplicates": counts,
        "leaks": tuple(finding.text for finding in findings if finding.leak),
        "notes": (*notes, *empty(parts), *(finding.text for finding in findings if not finding.leak)),
    }
    return data_card(data, parts, told)
