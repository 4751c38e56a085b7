"""Labels that mark spans, such as names: ``B-PER`` where one begins, ``I-PER`` inside, ``O`` outside of all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_FORM = re.compile(r"([BIMELSU])(?:-(.+))?|O")
BEGIN, END = "BSU", "ELSU"
"""Prefixes at which a span always begins, and behind which it always ends: BIO, IOB1, BIOES, BILOU and BMES."""


@dataclass(frozen=True)
class Scheme:
    """What each label, and as the last entry no label, says of spans."""

    inside: tuple[bool, ...]
    begins: tuple[bool, ...]
    ends: tuple[bool, ...]
    kinds: tuple[int, ...]
    """Number of the kind of the span; 0 outside."""
    names: tuple[str, ...]
    """Names of the kinds."""


def scheme_of(labels: Sequence[str]) -> Scheme | None:
    """Return the scheme; None unless every label is ``O`` or a prefix, mostly with ``-KIND``, and some have one.

    Labels that are mere prefixes, as of the words of Chinese texts, must have ``B`` among them.
    """
    found = [_FORM.fullmatch(label) for label in labels]
    prefixes = [match and match[1] for match in found]
    kinds = [match and match[2] for match in found]
    bare = any(prefix and not kind for prefix, kind in zip(prefixes, kinds, strict=True))
    if not all(found) or not any(prefixes) or (bare and "B" not in labels):
        return None
    names = tuple(sorted({kind or "" for prefix, kind in zip(prefixes, kinds, strict=True) if prefix}))
    marks = [prefix or "" for prefix in [*prefixes, None]]
    numbers = [1 + names.index(kind or "") if mark else 0 for mark, kind in zip(marks, [*kinds, None], strict=True)]
    return Scheme(
        tuple(bool(mark) for mark in marks),
        tuple(mark in BEGIN and bool(mark) for mark in marks),
        tuple(mark in END and bool(mark) for mark in marks),
        tuple(numbers),
        names,
    )
