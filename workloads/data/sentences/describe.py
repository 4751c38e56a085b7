"""Describes texts that are classified or scored: lengths, words that train lacks, scripts, and copies."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from workloads.arrays import Array, Arrays, Column, DataError
from workloads.data.leaks import COVERED, Finding

ALONE = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai and Lao, Burmese, Khmer
    "\u3005-\u3007\u3041-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Japanese and Chinese
)
"""Letters of scripts that have no blanks between words: each is a word."""
MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff"
"""Marks within words, which are no letters for ``re``: accents, points, vowels of India."""
WORD = re.compile(rf"[{ALONE}]|[^\W{ALONE}]+(?:[{MARKS}]+[^\W{ALONE}]*)*|[^\w\s]")
"""A word, or a single sign."""
LIMITS = (128, 512)
"""Numbers of words of which the share of longer texts is told: usual limits of models."""
MOST_LETTERS = 200_000
"""Letters that are looked at for the scripts that they are of."""
LEAST_SHARE = 0.001
"""Smallest share of the letters of a script that is told."""


def folded(text: str) -> str:
    """Return a text by which copies are found: without case, and with one blank for any white space."""
    return " ".join(text.casefold().split())


def words_of(text: str) -> list[str]:
    """Return a text's words and signs, without case."""
    return WORD.findall(text.casefold())


def texts_of(part: Arrays) -> list[str]:
    """Return the texts of a split's rows, the two of a pair joined by a blank; empty for a missing one."""
    return [" ".join(cells) for cells in rows_of(part.x, part.columns)]


def rows_of(x: Array, columns: Sequence[Column]) -> list[tuple[str, ...]]:
    """Return the texts of each row of a matrix of ``columns``: one, or the two of a pair; NaN is an empty text."""
    known = [np.array([*column.values, ""], dtype=object) for column in columns]
    cells = [values[_places(x[:, k], len(values) - 1)] for k, values in enumerate(known)]
    return list(zip(*cells, strict=True))


def _places(codes: Array, missing: int) -> Array:
    return np.where(np.isnan(codes), missing, codes).astype(int)


def facts(parts: Mapping[str, Arrays]) -> tuple[dict[str, int | str], list[str]]:
    """Return facts for the data card, of the training split or by split, and notes on what is odd.

    Raises DataError where no training text has a word.
    """
    words = {name: [words_of(text) for text in texts_of(part)] for name, part in parts.items()}
    lengths = np.array([*map(len, words["train"])])
    names = " and ".join(repr(column.name) for column in parts["train"].columns)
    if not lengths.any():
        raise DataError(f"data.text: {names} holds no word in any training row: name the column of the texts")
    known = {word for text in words["train"] for word in text}
    found: dict[str, int | str] = {
        "words_median": int(np.median(lengths)),
        "words_95_percent": int(np.percentile(lengths, 95)),
        "words_longest": int(lengths.max()),
        **{f"longer_than_{limit}_words": f"{(lengths > limit).mean():.1%}" for limit in LIMITS},
        "different_words": len(known),
    }
    others = [name for name in parts if name != "train"]
    found |= {f"unknown_words_in_{name}": f"{share_unknown(words[name], known):.1%}" for name in others}
    found |= {"scripts": ", ".join(f"{name} {share:.1%}" for name, share in scripts(texts_of(parts["train"])))}
    empty = {name: sum(not each for each in rows) for name, rows in words.items()}
    odd = [
        f"{_texts(count)} of {name} {'is' if count == 1 else 'are'} empty" for name, count in empty.items() if count
    ]
    if all(map(_is_number, texts_of(parts["train"]))):
        odd.append(f"all texts of {names} are numbers: without data.text they are a table's")
    return found, odd


def told_by_texts(part: Arrays, classes: Sequence[str]) -> Finding | None:
    """Return a leak where nearly every text is its row's own class or number; None where it is not."""
    texts = map(folded, texts_of(part))
    if classes:
        names = [folded(name) for name in classes]
        same = [text == names[k] for text, k in zip(texts, part.y, strict=True)]
    else:
        same = [_is_number(text) and float(text) == y[0] for text, y in zip(texts, part.y, strict=True)]
    share = np.mean(same)
    if share < COVERED:
        return None
    return Finding(
        f"{share:.0%} of the texts are the target itself: name another column by data.text or data.target"
    )


def _texts(count: int) -> str:
    return f"{count} text{'s' * (count != 1)}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def share_unknown(texts: Sequence[Sequence[str]], known: set[str]) -> float:
    """Return the share of words, repetitions included, that are not ``known``; 0 without words."""
    counts = Counter(word for text in texts for word in text)
    total = sum(counts.values())
    return sum(count for word, count in counts.items() if word not in known) / total if total else 0.0


def scripts(texts: Iterable[str]) -> list[tuple[str, float]]:
    """Return the scripts of the texts' letters and their shares, the most frequent first, without rare ones."""
    counts = Counter(_letters(texts))
    total = sum(counts.values())
    shares: Counter[str] = Counter()
    for letter, count in counts.items():
        shares[_script(letter)] += count
    return [(name, n / total) for name, n in shares.most_common() if n >= LEAST_SHARE * total]


def _letters(texts: Iterable[str]) -> Iterator[str]:
    left = MOST_LETTERS
    for text in texts:
        letters = [letter for letter in text[:left] if letter.isalpha()]
        yield from letters
        left -= len(letters)
        if left <= 0:
            return


def _script(letter: str) -> str:
    """Return the script of a letter: the first word of its name in Unicode, such as ``Latin`` or ``Cjk``."""
    return unicodedata.name(letter, "unknown").partition(" ")[0].capitalize()
