"""Sentences in the forms that a champion of labelled words takes, and the labels that it gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from workloads.arrays import DataError
from workloads.data.tagged.conll_file import MAX_WORDS, joined
from workloads.tasks.tagging import is_read

WORDS, LABELS, PROBABILITIES = "words", "labels", "probabilities"
FORMS = "must be a list of sentences, each a list of words or a text with white space between its words"


def sentences_of(rows: Any) -> tuple[list[list[str]], Any]:
    """Return the words of each sentence, and the index of the rows; a missing sentence has no words.

    ``rows`` is a list or Series of sentences, each a list of words or a text, which is divided at white space; or a
    DataFrame, records or a dict with a column ``words`` of those. Raises DataError for other forms.
    """
    import pandas as pd

    if isinstance(rows, str):
        raise DataError(f"the rows: {FORMS}, received one text")
    if isinstance(rows, dict) or (len(rows) and isinstance(rows, list) and isinstance(rows[0], dict)):
        rows = pd.DataFrame(rows)
    if isinstance(rows, pd.DataFrame):
        if list(rows.columns) == [0]:  # as MLflow names the only column of a list
            rows = rows.set_axis([WORDS], axis=1)
        if WORDS not in rows.columns:
            raise DataError(f"the rows: must have the column {WORDS!r}, it has {', '.join(map(str, rows.columns))}")
        rows = rows[WORDS]
    rows = rows if isinstance(rows, pd.Series) else pd.Series(list(rows), dtype=object)
    found = [_words(row, k) for k, row in zip(rows.index, rows.tolist(), strict=True)]
    return found, rows.index


def _words(row: Any, place: Any) -> list[str]:
    if isinstance(row, str):
        words = row.split()
    elif row is None or (isinstance(row, float) and row != row):
        words = []
    elif isinstance(row, Sequence | set) or hasattr(row, "tolist"):
        words = list(row)
    else:
        words = [row]
    if not all(isinstance(word, str) for word in words):
        raise DataError(f"the rows: {FORMS}, received {row!r} in row {place}")
    if len(words) > MAX_WORDS:
        raise DataError(f"the rows: a sentence has at most {MAX_WORDS} words, row {place} has {len(words)}")
    return words


def text_of(words: Sequence[str]) -> str:
    """Return a sentence's words as the text that models of labelled words are given."""
    return joined(words)


def labelled(
    sentences: Sequence[Sequence[str]], logits: Sequence[Tensor], labels: Sequence[str], index: Any
) -> Any:
    """Return a DataFrame with a row for each sentence: its words, their labels, and each label's probability.

    ``logits`` are (words, labels) of each sentence. A word that the model has not read, behind the last one there
    or with logits of exactly 0, has the label None and a probability of NaN.
    """
    import pandas as pd

    rows = []
    for words, found in zip(sentences, logits, strict=True):
        whole = torch.nn.functional.pad(found, (0, 0, 0, len(words) - len(found)))
        shares, best = whole.double().softmax(-1).max(-1)
        told = is_read(whole).tolist()
        names = [labels[k] if known else None for k, known in zip(best.tolist(), told, strict=True)]
        sure = [share if known else torch.nan for share, known in zip(shares.tolist(), told, strict=True)]
        rows.append((list(words), names, sure))
    return pd.DataFrame(rows, columns=[WORDS, LABELS, PROBABILITIES], index=index)
