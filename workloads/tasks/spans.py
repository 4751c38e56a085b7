"""Spans of labelled words, such as names, counted for a cohort at once as CoNLL-2000's ``conlleval`` does.

A span counts as found only where its first word, its last word and its kind are those of the truth. Where labels
contradict each other, as ``O I-PER``, a span begins with the first that is not ``O``, or of another kind (Tjong Kim
Sang & Buchholz 2000, https://www.clips.uantwerpen.be/conll2000/chunking/). Prefixes ``E``, ``S`` and their other
names are read as by ``seqeval``, which is not maintained any more.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from workloads.data.raw import NOT_COUNTED
from workloads.data.tagged.schemes import Scheme
from workloads.tasks.metrics import by_class

MEANS = ("precision", "recall", "f1")


def span_scores(predicted: Tensor, y: Tensor, scheme: Scheme) -> dict[str, Tensor]:
    """Return precision, recall and F1 over all spans (micro), float64 (members,); 0 where there is none.

    ``predicted`` is (members, sentences, words), ``y`` (sentences, words); NOT_COUNTED is a word outside of spans.
    """
    hits, num_found, num_there = span_counts(predicted, y, scheme).sum(-1)
    return {
        "precision": hits / num_found.clamp(min=1),
        "recall": hits / num_there.clamp(min=1),
        "f1": 2 * hits / (num_found + num_there).clamp(min=1),
    }


def span_counts(predicted: Tensor, y: Tensor, scheme: Scheme) -> Tensor:
    """Return how many spans of each kind are found, predicted and there: float64 (3, members, kinds)."""
    found, there = _Spans.of(predicted, scheme), _Spans.of(y, scheme)
    same = found.starts & there.starts & (found.kinds == there.kinds) & (found.ends == there.ends)
    marks = ((same, found.kinds), (found.starts, found.kinds), (there.starts, there.kinds))
    kinds = range(1, 1 + len(scheme.names))
    counts = [torch.stack([(of & (kind == k)).sum((-2, -1)) for k in kinds], -1) for of, kind in marks]
    return torch.stack([count.expand(len(predicted), -1) for count in counts]).double()


class _Spans:
    """Of each word whether a span begins with it, and the span's kind and end: the place behind its last word."""

    def __init__(self, starts: Tensor, kinds: Tensor, ends: Tensor) -> None:
        self.starts, self.kinds, self.ends = starts, kinds, ends

    @classmethod
    def of(cls, codes: Tensor, scheme: Scheme) -> _Spans:
        inside, begins, _, kinds = (table[codes] for table in _tables(scheme, codes.device))
        before = torch.nn.functional.pad(codes, (1, 0), value=NOT_COUNTED)[..., :-1]
        was_inside, _, has_ended, kind_before = (table[before] for table in _tables(scheme, codes.device))
        starts = inside & (begins | ~was_inside | has_ended | (kind_before != kinds))
        num = codes.shape[-1]
        places = torch.arange(num, device=codes.device).expand(codes.shape)
        limits = torch.where(starts | ~inside, places, num)  # behind which no earlier span goes on
        following = torch.nn.functional.pad(limits, (0, 1), value=num)[..., 1:]
        return cls(starts, kinds, following.flip(-1).cummin(-1).values.flip(-1))


@lru_cache(maxsize=16)
def _tables(scheme: Scheme, device: torch.device) -> tuple[Tensor, ...]:
    """Return what labels say as tensors by code; the last entry is that of NOT_COUNTED."""
    lists = (scheme.inside, scheme.begins, scheme.ends, scheme.kinds)
    return tuple(torch.tensor(values, device=device) for values in lists)


def label_scores(predicted: Tensor, y: Tensor, num_labels: int) -> dict[str, Tensor]:
    """Return the means over labels (macro) of precision, recall and F1 of single words, float64 (members,).

    Shapes are as for ``span_scores``; a word without a prediction counts for no label, and as missed for its own.
    """
    real = y != NOT_COUNTED
    words = predicted[:, real]
    found = by_class(torch.where(words == NOT_COUNTED, num_labels, words), y[real], num_labels)
    return {name: found[f"{name}_macro"] for name in MEANS}
