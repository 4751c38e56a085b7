"""Reads and splits a spec's ``data`` once per sweep; preprocessing is fitted on the training split alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from search_spaces.types.problems import Problem
from workloads.arrays import SPLITS, Array, Arrays, Column, DataError
from workloads.data.completions.prepare import prepare_pairs
from workloads.data.copies import Comparison, comparisons, copies, duplicates
from workloads.data.data_card import DataCard, class_counts, data_card
from workloads.data.leaks import Finding, Table, absent, backwards, of_table, refuse, shared_groups, unlike
from workloads.data.raw import Ordered, Raw
from workloads.data.search_data import Prepared, SearchData, TestData
from workloads.data.sentences.describe import facts, folded, told_by_texts
from workloads.data.sources.image_records import contents, example_shape
from workloads.data.sources.read import read, read_ordered
from workloads.data.splits import Fold, blocks, completed, folds, own_files, split
from workloads.data.statistics import fit
from workloads.data.streaming.search_data import with_stream
from workloads.data.tagged.prepare import prepare_tagged
from workloads.data.targets import (
    AS_CLASSES,
    AS_NUMBER,
    about_classes,
    classes_of,
    holds_measurements,
    is_numeric,
    numbers_of,
    of_numbers,
    with_unit,
    without_dots,
)
from workloads.tables.columns import common_codes, missing_counts, seen_first, spelled, words
from workloads.tables.mixtures import mixture
from workloads.tables.units import Measured, NumberForm

if TYPE_CHECKING:
    from search_spaces.spec.data import Data

__all__ = ["Arrays", "DataCard", "DataError", "Prepared", "SearchData", "TestData", "prepare"]

MIN_ROWS_A_CLASS = 3


def prepare(data: Data, problem: Problem | None = None) -> Prepared:
    """Read, split and describe the data. Raises DataError, one sentence for the user, for data that cannot be used.

    Without ``problem`` it follows from the target: regression if it holds measurements, else classification.
    """
    if data.conll is not None:
        return prepare_tagged(data)
    if data.completion is not None:
        return prepare_pairs(data)
    if data.text is not None or data.series is not None:
        return _in_order(data, read_ordered(data))
    raw = read(data, None)
    target = _target(data, raw, problem)
    y = target.encode(raw.target)
    if target.classes and raw.rest is None:
        _check_counts(y, target.classes)
    indices = _indices(data, raw, y)
    searched = np.concatenate([indices["train"], indices.get("val", indices["train"][:0])])
    x, columns, all_columns = seen_first(raw.x, raw.columns, searched)
    raw = replace(raw, x=x, columns=columns, notes=(*raw.notes, *target.notes()))
    parts = {name: Arrays(x, y, columns).take(index) for name, index in indices.items()}
    if data.test is None:
        parts["test"] = replace(parts["test"], columns=all_columns)
    groups = _groups(raw, indices)
    whole, positions = np.asarray(raw.target.index), {}
    for name, path in own_files(data).items():
        own, parts[name] = _own(path, data, raw, target)
        indices[name] = np.arange(len(parts[name]))
        positions[name] = np.asarray(own.target.index)
        groups |= {} if own.groups is None else {name: own.groups}
        raw = replace(raw, notes=(*raw.notes, *own.notes), group_names=own.group_names or raw.group_names)
        if name == "val" and raw.rest is None:  # its words are of the search's data, too
            raw = replace(raw, columns=parts["val"].columns)
            parts["train"] = replace(parts["train"], columns=raw.columns)
    parts["test"] = replace(parts["test"], groups=_test_groups(data, raw, groups, indices))
    num_outputs, names = len(target.classes) or y.shape[1], tuple(map(str, target.classes))
    facts_of = (parts["train"], parts["val"], fit(parts["train"].x), num_outputs, target.problem)
    search = SearchData(*facts_of, classes=names, sentences=raw.kind == "sentences")
    divided, fold_rows = _folds(data, y, raw.groups, indices)
    shared = shared_groups(groups, str(data.split.group))
    card = data_card(data, parts, _facts(data, target, raw, Arrays(x, y), parts, shared))
    found = Prepared(replace(search, folds=divided), parts["test"], card, indices | fold_rows)
    if raw.rest is not None:
        return with_stream(found, raw.rest, data, target.classes)
    rows = {name: positions.get(name, whole)[index] for name, index in found.indices.items()}
    return replace(found, indices=rows)


def _facts(
    data: Data, target: _Target, raw: Raw, whole: Arrays, parts: Mapping[str, Arrays], shared: Sequence[Finding]
) -> dict[str, Any]:
    """Return the card's facts about the source; ``shared`` are findings on groups.

    Raises DataError for a leak where ``data.strict`` allows none.
    """
    names, kinds = [column.name for column in raw.columns], [column.kind for column in raw.columns]
    classes = tuple(map(str, target.classes))
    sentences = raw.kind == "sentences"
    table = Table(whole.x, whole.y, names, kinds, target.name) if raw.columns and not sentences else None
    ways = [Comparison()] if table is None else comparisons(table, data.columns)
    coded = common_codes(parts, folded if sentences else None)
    copied, findings = copies({name: contents(x) for name, x in coded.items()}, ways)
    told, odd = facts(parts) if sentences else ({}, [])
    findings += shared
    if sentences and (telling := told_by_texts(parts["train"], classes)):
        findings.append(telling)
    findings += absent(class_counts(parts, len(classes)), classes) if raw.rest is None else []
    findings += [] if table is None else [*of_table(table), *backwards(table, parts)]
    findings += unlike(parts["train"], {name: parts[name] for name in own_files(data)})
    if data.strict:
        refuse(findings)
    return {
        "kind": raw.kind,
        "problem": target.problem,
        "classes": classes,
        "features": tuple(names),
        "columns": dict(zip(names, kinds, strict=True)),
        "missing": missing_counts((part.x for part in parts.values()), raw.columns),
        "details": {**raw.details, **told},
        "duplicates": copied,
        "leaks": tuple(finding.text for finding in findings if finding.leak),
        "notes": (*raw.notes, *odd, *(finding.text for finding in findings if not finding.leak)),
    }


def _groups(raw: Raw, indices: Mapping[str, Array]) -> dict[str, Array]:
    """Return the groups of each split's rows, of those splits that are taken from the source; {} without groups."""
    if raw.rest is not None:
        return dict(raw.rest.groups)
    return {} if raw.groups is None else {name: raw.groups[index] for name, index in indices.items()}


def _test_groups(data: Data, raw: Raw, groups: Mapping[str, Array], indices: Mapping[str, Array]) -> Array | None:
    """Return the group of each test row (rows,); None without groups. Of a stream ``groups`` are not by row."""
    if raw.rest is None or data.test is not None:
        return groups.get("test")
    return None if raw.groups is None else raw.groups[indices["test"]]


def _folds(
    data: Data, y: Array, groups: Array | None, indices: Mapping[str, Array]
) -> tuple[tuple[Fold, ...], dict[str, Array]]:
    """Return the folds, and by name (``fold0``) the sorted rows of the source that validate each."""
    if data.split.folds is None:
        return (), {}
    pool = np.concatenate([indices["train"], indices["val"]])
    found = folds(y[pool], data.split, None if groups is None else groups[pool])
    return found, {f"fold{number}": np.sort(pool[val]) for number, (_, val) in enumerate(found)}


def _indices(data: Data, raw: Raw, y: Array) -> dict[str, Array]:
    own = own_files(data)
    if raw.rest is not None:
        return {name: np.flatnonzero(raw.splits == name) for name in SPLITS if name not in own}
    if raw.splits is None:
        with_files = {"with_test": "test" not in own, "with_val": "val" not in own}
        return split(y, data.split, groups=raw.groups, **with_files)
    for name, path in own.items():
        raise DataError(f"data.{name}: has no effect, as {data.origin} holds splits of its own: {path}")
    return completed(y, raw.splits, data.split)


@dataclass(frozen=True)
class _Target:
    """The target column: one of ``classes``, or a number where there are none."""

    problem: Problem
    classes: tuple[Any, ...]
    name: str
    form: NumberForm | None = None
    """How the numbers are written if with a unit, which predictions are in."""

    def notes(self) -> tuple[str, ...]:
        """Return notes on what the values are taken for."""
        if self.form is not None:
            return (f"the unit {self.form.unit!r} of {self.name!r} is left out: its numbers are predicted",)
        return about_classes(self.classes, self.name)

    def encode(self, values: Any) -> Array:
        """Return (rows,) int64 classes, or (rows, 1) float64 numbers. Raises DataError for an unknown class."""
        if not self.classes:
            return numbers_of(values, self.name, self.form)
        number = {label: i for i, label in enumerate(self.classes)}
        if all(isinstance(label, str) for label in self.classes):
            values = words(values, ())  # those of one file may all look like numbers
            values = values.replace(spelled(set(values), Column(self.name, "category", self.classes)))
        places, different = values.factorize(use_na_sentinel=False)
        unknown = sorted({str(value) for value in different if value not in number})
        if unknown:
            raise DataError(
                f"the test file's column {self.name!r} holds classes that are not in the other: {unknown[:5]}"
            )
        codes: Array = np.array([number[value] for value in different], dtype=np.int64)[places]
        return codes


def _target(data: Data, raw: Raw, problem: Problem | None) -> _Target:
    name = data.target or "target"
    values = raw.target if raw.rest is None else raw.rest.labels
    found = with_unit(values, data)
    measurements = holds_measurements(values, found)
    if problem is None:
        _refuse_odd_words(values, found, name)
        problem = "regression" if measurements else "classification"
    if problem == "regression":
        return _Target(problem, (), name, None if raw.rest is not None or found is None else found.form)
    return _Target(problem, classes_of(values, name, measurements), name)


def _refuse_odd_words(values: Any, found: Measured | None, name: str) -> None:
    """Raise DataError for a target of numbers among which a few other words are."""
    if found is not None or is_numeric(values):
        return
    odd = mixture(values.astype(str).value_counts())
    if odd is not None and (fault := odd.fault(name, AS_CLASSES)):
        raise DataError(f"column {name!r} {fault}")


def _check_counts(y: Array, classes: tuple[Any, ...]) -> None:
    counts = np.bincount(y, minlength=len(classes))
    rare = [str(label) for label, count in zip(classes, counts, strict=True) if count < MIN_ROWS_A_CLASS]
    if rare:
        shown = ", ".join(rare[:10]) + (", ..." if len(rare) > 10 else "")
        remedy = f" ({AS_NUMBER})" if of_numbers(classes) else " (data.missing can leave such rows out)"
        raise DataError(f"each class needs {MIN_ROWS_A_CLASS} rows, one for each split; too rare: {shown}{remedy}")


def _own(path: str, data: Data, like: Raw, target: _Target) -> tuple[Raw, Arrays]:
    """Return the file ``path``, read like the source, with notes on it, and the split that it holds."""
    own = read(data, path, like)
    if example_shape(own.x) != example_shape(like.x):
        raise DataError(f"the file {path} has other image sizes than the training file")
    values, notes = without_dots(own.target, target.classes)
    own = replace(own, notes=(*own.notes, *(f"{Path(path).name}: {note}" for note in notes)))
    return own, Arrays(own.x, target.encode(values), own.columns)


def _in_order(data: Data, found: Ordered) -> Prepared:
    """Return the windows of a text or a series, whose splits and folds follow one another in time."""
    parts, train, val = found.parts, found.parts["train"], found.parts["val"]
    facts = (found.statistics, found.num_outputs, found.problem, found.vocabulary, found.season)
    divided: tuple[Fold, ...] = ()
    if data.split.folds is not None:
        values_a_window = train.x.shape[1] + train.y.shape[1]
        gap = values_a_window * found.num_series - 1  # as many windows may begin at one time as there are series
        divided = blocks(len(train) + len(val), data.split, gap=gap)
    card = data_card(
        data,
        parts,
        {
            "kind": found.kind,
            "problem": found.problem,
            "features": found.columns,
            "details": found.details,
            "notes": found.notes,
            "duplicates": duplicates({name: parts[name].x for name in SPLITS}),
        },
    )
    return Prepared(replace(SearchData(train, val, *facts), folds=divided), parts["test"], card, found.indices)
