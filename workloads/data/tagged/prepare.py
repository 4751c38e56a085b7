"""Splits sentences of labelled words into train, validation and test, and codes their words' labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workloads.arrays import SPLITS, Array, Arrays, Column, DataError
from workloads.data.copies import WHOLE, copies
from workloads.data.data_card import DataCard, data_card
from workloads.data.leaks import refuse
from workloads.data.raw import NOT_COUNTED
from workloads.data.search_data import Prepared, SearchData
from workloads.data.sentences.describe import folded
from workloads.data.splits import folds, own_files, split
from workloads.data.statistics import fit
from workloads.data.tagged.conll_file import Sentence, read_conll
from workloads.data.tagged.describe import facts, unlearned
from workloads.data.targets import MAX_CLASSES
from workloads.tables.columns import common_codes

if TYPE_CHECKING:
    from search_spaces.spec.data import Data

COLUMN = "words"
"""Name of the only column, whose texts are the words of a sentence with a blank between them."""


def prepare_tagged(data: Data) -> Prepared:
    """Read, split and describe a CoNLL file. Raises DataError, one sentence for the user.

    ``y`` of a split is (sentences, words of the longest) codes of labels, NOT_COUNTED behind a sentence's end;
    train and validation have the same width. Labels are those of all splits in order.
    """
    assert data.conll is not None
    whole = read_conll(data.conll, data)
    own = {name: read_conll(path, data) for name, path in own_files(data).items()}
    _check(whole, own, data)
    documents = np.array([sentence.document for sentence in whole]) if data.split.group else None
    free = np.zeros(len(whole))  # no classes to stratify by
    indices = split(free, data.split, groups=documents, with_test="test" not in own, with_val="val" not in own)
    found = {name: own[name] if name in own else [whole[k] for k in indices[name]] for name in SPLITS}
    indices |= {name: np.arange(len(sentences)) for name, sentences in own.items()}
    labels = _labels(found)
    parts = _arrays(found, labels)
    if data.split.group:
        documents_of = np.array([sentence.document for sentence in found["test"]])
        parts["test"] = Arrays(parts["test"].x, parts["test"].y, parts["test"].columns, documents_of)
    divided, fold_rows = _folds(data, documents, indices)
    search = SearchData(
        parts["train"],
        parts["val"],
        fit(parts["train"].x),
        len(labels),
        "tagging",
        classes=labels,
        folds=divided,
        sentences=True,
    )
    return Prepared(search, parts["test"], _card(data, found, parts, labels), indices | fold_rows)


def _folds(data: Data, documents: Array | None, indices: Mapping[str, Array]) -> tuple[Any, dict[str, Array]]:
    """Return the folds, and by name (``fold0``) the sentences of the source that validate each."""
    if data.split.folds is None:
        return (), {}
    pool = np.concatenate([indices["train"], indices["val"]])
    found = folds(np.zeros(len(pool)), data.split, None if documents is None else documents[pool])
    return found, {f"fold{number}": np.sort(pool[val]) for number, (_, val) in enumerate(found)}


def _card(
    data: Data, found: Mapping[str, Sequence[Sentence]], parts: Mapping[str, Arrays], labels: tuple[str, ...]
) -> DataCard:
    """Return the data card. Raises DataError for copies across splits where ``data.strict`` allows none."""
    coded = common_codes(parts, folded)
    copied, findings = copies(coded, [WHOLE])
    if data.strict:
        refuse(findings)
    files = {name: Path(path).name for name, path in own_files(data).items()}
    told = {
        "kind": "tagged",
        "problem": "tagging",
        "classes": labels,
        "features": (COLUMN,),
        "columns": {COLUMN: "text"},
        "details": facts(found, labels),
        "duplicates": copied,
        "leaks": tuple(finding.text for finding in findings),
        "notes": tuple(unlearned(found, {**dict.fromkeys(SPLITS, Path(str(data.conll)).name), **files})),
    }
    return data_card(data, parts, told)


def _check(whole: Sequence[Sentence], own: Mapping[str, Sequence[Sentence]], data: Data) -> None:
    """Raise DataError for too few sentences, and for labels that cannot be meant."""
    name = Path(str(data.conll)).name
    known = {label for sentence in whole for label in sentence.labels}
    column = f"column {data.target or 'with the labels, the last,'}"
    if len(known) < 2:
        what = f"the words of {name} have all the label {known.pop()!r}"
        raise DataError(f"{what}: say by data.target which of c0, c1, ... has the labels")
    if len(known) > MAX_CLASSES:
        some = ", ".join(sorted(known)[:3])
        raise DataError(
            f"the {column} of {name} holds {len(known)} different words such as {some}: it must hold at most "
            f"{MAX_CLASSES} labels, say by data.target which of c0, c1, ... has them"
        )
    if len(whole) < (needed := len(SPLITS) - len(own)):
        rule = f"must hold {needed} sentences or more, one for each split"
        raise DataError(f"{name} {rule}, received {len(whole)}: an empty line must follow each sentence")
    for split_name, sentences in own.items():
        first = sentences[0]
        if not any(label in known for sentence in sentences for label in sentence.labels):
            what = f"no label of it is one of {name}'s, such as {first.labels[0]!r}"
            raise DataError(f"{Path(own_files(data)[split_name]).name}:{first.lines[0]}: {what}")


def _labels(found: Mapping[str, Sequence[Sentence]]) -> tuple[str, ...]:
    return tuple(sorted({label for part in found.values() for sentence in part for label in sentence.labels}))


def _arrays(found: Mapping[str, Sequence[Sentence]], labels: Sequence[str]) -> dict[str, Arrays]:
    """Return the splits; the search's column has the texts of train and val, that of test further ones behind."""
    searched = dict.fromkeys(s.text for name in ("train", "val") for s in found[name])
    longest = max(len(s.words) for name in ("train", "val") for s in found[name])
    with_test = dict.fromkeys([*searched, *(s.text for s in found["test"])])
    code = {text: float(k) for k, text in enumerate(with_test)}
    number = {label: k for k, label in enumerate(labels)}
    parts = {}
    for name, sentences in found.items():
        values = with_test if name == "test" else searched
        width = max(len(s.words) for s in sentences) if name == "test" else longest
        y = np.full((len(sentences), width), NOT_COUNTED, dtype=np.int64)
        for row, sentence in zip(y, sentences, strict=True):
            row[: len(sentence.labels)] = [number[label] for label in sentence.labels]
        x = np.array([[code[s.text]] for s in sentences])
        parts[name] = Arrays(x, y, (Column(COLUMN, "text", tuple(values)),))
    return parts
