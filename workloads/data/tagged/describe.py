"""Describes sentences of labelled words: lengths, documents, words and labels that train lacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from workloads.data.tagged.conll_file import Sentence
from workloads.data.tagged.schemes import scheme_of

Found = Mapping[str, Sequence[Sentence]]
"""Sentences by split."""


def facts(found: Found, labels: Sequence[str]) -> dict[str, int | str]:
    """Return facts for the data card, of the training split or by split; words are counted without case."""
    lengths = np.array([len(sentence.words) for sentence in found["train"]])
    known = {word for sentence in found["train"] for word in _folded(sentence)}
    told: dict[str, int | str] = {
        "labels": "of spans" if scheme_of(labels) else "of single words",
        **{f"words_in_{name}": sum(len(one.words) for one in part) for name, part in found.items()},
        "words_median": int(np.median(lengths)),
        "words_95_percent": int(np.percentile(lengths, 95)),
        "words_longest": int(lengths.max()),
        "different_words": len(known),
    }
    for name in (name for name in found if name != "train"):
        words = [word for sentence in found[name] for word in _folded(sentence)]
        told[f"unknown_words_in_{name}"] = f"{sum(word not in known for word in words) / len(words):.1%}"
    documents = len({sentence.document for sentence in found["train"]})
    return told | ({"documents_in_train": documents} if documents > 1 else {})


def unlearned(found: Found, files: Mapping[str, str]) -> Iterator[str]:
    """Yield a note for each split with labels that train lacks, with the place of the first in ``files``."""
    known = {label for sentence in found["train"] for label in sentence.labels}
    for name in (name for name in found if name != "train"):
        first: dict[str, int] = {}
        for sentence in found[name]:
            for label, line in zip(sentence.labels, sentence.lines, strict=True):
                if label not in known:
                    first.setdefault(label, line)
        if first:
            label, line = next(iter(first.items()))
            others = f" and {len(first) - 1} more" if len(first) > 1 else ""
            text = f"{name} has the label {label!r}{others} (first in {files[name]}:{line}), which train lacks"
            yield f"{text}: no model can learn it, and all such words count as wrong"


def _folded(sentence: Sentence) -> Iterator[str]:
    return (word.casefold() for word in sentence.words)
