"""Codes of labelled words: each word as it is written, of rare ones the form; learned on training words alone."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property

from workloads.data.tagged.conll_file import words_in
from workloads.models.recurrent.tokens import LEAST_TIMES, NUM_RESERVED, UNKNOWN

ENDING = 3
"""Last characters of a rare word that are part of its form."""
MAX_SHAPE = 8
"""Characters of a rare word's shape."""


@dataclass(frozen=True)
class Words:
    """A vocabulary in which each word of a sentence has one code, whatever its neighbours are."""

    vocabulary: tuple[str, ...]
    """Words, and forms of rarer ones, which hold a blank, with the codes 3, 4, ..."""

    @property
    def num_codes(self) -> int:
        """Number of codes, those of padding and unknown words among them."""
        return NUM_RESERVED + len(self.vocabulary)

    def coded(self, rows: Sequence[Sequence[str]]) -> list[list[int]]:
        """Return a code for each word of each row of one text, whose words have a blank between them."""
        return [[self._code_of(word) for word in words_in(text)] for (text,) in rows]

    def _code_of(self, word: str) -> int:
        return next((self._codes[name] for name in _names(word) if name in self._codes), UNKNOWN)

    @cached_property
    def _codes(self) -> dict[str, int]:
        return {name: NUM_RESERVED + place for place, name in enumerate(self.vocabulary)}

    def to_json(self) -> str:
        """Return the vocabulary as readable JSON."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1)

    @classmethod
    def of_json(cls, text: str) -> Words:
        """Return what ``to_json`` wrote."""
        return cls(tuple(json.loads(text)["vocabulary"]))


def learned_words(texts: Iterable[str], size: int) -> Words:
    """Return the ``size`` most frequent words of the training ``texts``, and the forms of all others.

    Words and forms that occur once are left out, as those teach what an unknown one means.
    """
    counts = Counter(word for text in texts for word in words_in(text))
    kept = [word for word, count in _ordered(counts) if count >= LEAST_TIMES][:size]
    known = set(kept)
    forms: Counter[str] = Counter()
    for word, count in counts.items():
        if word not in known:
            for form in _forms(word):
                forms[form] += count
    return Words((*kept, *(form for form, count in _ordered(forms) if count >= LEAST_TIMES)))


def _ordered(counts: Counter[str]) -> list[tuple[str, int]]:
    """Return what is counted, the most frequent first, equal in every process."""
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def _names(word: str) -> Iterator[str]:
    yield word
    yield from _forms(word)


def _forms(word: str) -> Iterator[str]:
    """Yield a word's forms, the most telling first: ``Xx ing`` of Beijing, then ``Xx ``."""
    shape = re.sub(r"(.)\1+", r"\1", "".join(map(_kind, word)))[:MAX_SHAPE]
    yield f"{shape} {word[-ENDING:].casefold()}"
    yield f"{shape} "


def _kind(character: str) -> str:
    if character.isdigit():
        return "0"
    if character.isalpha():
        return "X" if character.isupper() else "x"
    return character
