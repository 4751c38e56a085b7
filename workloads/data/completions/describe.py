"""Describes prompts and completions: lengths, words that train lacks, scripts, and prompts in several splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from workloads.arrays import Array, Arrays
from workloads.data.copies import WHOLE, Comparison, copies
from workloads.data.leaks import Finding
from workloads.data.sentences.describe import LIMITS, folded, rows_of, scripts, share_unknown, words_of
from workloads.tables.columns import common_codes


def facts(parts: Mapping[str, Arrays]) -> dict[str, int | str]:
    """Return facts for the data card, of the training split or by split; words are counted without case."""
    pairs = {name: rows_of(part.x, part.columns) for name, part in parts.items()}
    words = {name: [[words_of(text) for text in pair] for pair in found] for name, found in pairs.items()}
    prompts, completions = (np.array([len(pair[k]) for pair in words["train"]]) for k in range(2))
    told: dict[str, int | str] = {}
    for what, lengths in (("prompt", prompts), ("completion", completions)):
        told |= {
            f"{what}_words_median": int(np.median(lengths)),
            f"{what}_words_95_percent": int(np.percentile(lengths, 95)),
            f"{what}_words_longest": int(lengths.max()),
        }
    both = prompts + completions
    told |= {f"longer_than_{limit}_words": f"{(both > limit).mean():.1%}" for limit in LIMITS}
    known = {word for pair in words["train"] for text in pair for word in text}
    told["different_words"] = len(known)
    for name in (name for name in parts if name != "train"):
        told[f"unknown_words_in_{name}"] = (
            f"{share_unknown([text for pair in words[name] for text in pair], known):.1%}"
        )
    told["scripts"] = ", ".join(
        f"{name} {share:.1%}" for name, share in scripts(text for pair in pairs["train"] for text in pair)
    )
    return told


def repeated(parts: Mapping[str, Arrays], names: Sequence[str]) -> tuple[dict[str, int], list[Finding]]:
    """Return how many rows of a split have the prompt of an earlier one's, and a leak for each pair of splits.

    Texts are compared without case, and with one blank for any white space. Rows without a prompt are compared by
    their completions.
    """
    codes = common_codes(parts, folded)
    _, whole = copies(codes, [WHOLE])
    prompted = {name: x[_has_prompt(parts[name])] for name, x in codes.items()}
    way = Comparison((names[1],), (0,), f" but for column {names[1]!r}: the same prompt")
    counts, findings = copies(prompted, [way])
    return counts, findings or whole


def _has_prompt(part: Arrays) -> Array:
    return np.array([bool(pair[0].strip()) for pair in rows_of(part.x, part.columns)], bool)


def empty(parts: Mapping[str, Arrays]) -> list[str]:
    """Return a note for each split with rows without a prompt."""
    counts = {name: int((~_has_prompt(part)).sum()) for name, part in parts.items()}
    return [f"{count} rows of {name} have no prompt" for name, count in counts.items() if count]
