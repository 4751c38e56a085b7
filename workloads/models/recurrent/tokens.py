"""Codes of texts' tokens: words, characters or byte pairs, whose vocabulary is learned on training texts alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from workloads.arrays import Infeasible
from workloads.data.sentences.describe import folded, words_of

PADDING, UNKNOWN, SEPARATOR = 0, 1, 2
NUM_RESERVED = 3
"""Codes that stand for no token of the vocabulary; its tokens' codes follow."""
NUM_BYTES = 256
"""Tokens that subwords always have: the single bytes, of which every text is made."""
LEAST_TIMES = 2
"""Times that a word must occur in training texts: those that occur once teach what an unknown one means.

Where no word occurs so often, all are kept.
"""
LACKING = "tokenizer: subwords needs the library tokenizers: pip install 'paceline[language]'"


@dataclass(frozen=True)
class Tokens:
    """A vocabulary, by which texts become codes. Upper and lower case are one, and so is any white space."""

    tokenizer: str
    vocabulary: tuple[str, ...]
    """Tokens with the codes 3, 4, ..., the most frequent first; of subwords by their number as byte pairs."""
    max_length: int
    """Largest number of tokens of a row; longer ones are cut."""
    byte_pairs: str = ""
    """Subwords: the tokenizer as JSON, in the form of the library ``tokenizers``."""

    @property
    def num_codes(self) -> int:
        """Number of codes, those of padding, unknown tokens and the separator among them."""
        return NUM_RESERVED + len(self.vocabulary)

    def coded(self, rows: Sequence[Sequence[str]]) -> list[list[int]]:
        """Return the codes of each row of one or two texts, at least one and at most ``max_length``.

        The two of a pair have a separator between them, and of the longer one more is cut. A row without any token
        is one unknown token.
        """
        return [_joined(cells, self.max_length) or [UNKNOWN] for cells in self._cells(rows)]

    def share_cut(self, rows: Sequence[Sequence[str]]) -> float:
        """Return the share of the rows that are longer than ``max_length``."""
        lengths = [sum(map(len, cells)) + len(cells) - 1 for cells in self._cells(rows)]
        return sum(length > self.max_length for length in lengths) / max(1, len(lengths))

    def _cells(self, rows: Sequence[Sequence[str]]) -> list[list[list[int]]]:
        codes = iter(self._codes([text for row in rows for text in row]))
        return [[next(codes) for _ in row] for row in rows]

    def _codes(self, texts: Sequence[str]) -> list[list[int]]:
        if self.tokenizer == "subwords":
            found = self._pairs.encode_batch([folded(text) for text in texts])
            return [[NUM_RESERVED + number for number in one.ids] for one in found]
        return [[self._code.get(token, UNKNOWN) for token in _split(self.tokenizer, text)] for text in texts]

    @cached_property
    def _code(self) -> Mapping[str, int]:
        return {token: NUM_RESERVED + place for place, token in enumerate(self.vocabulary)}

    @cached_property
    def _pairs(self) -> Any:
        return _library().Tokenizer.from_str(self.byte_pairs)

    def to_json(self) -> str:
        """Return the vocabulary as readable JSON."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1)

    @classmethod
    def of_json(cls, text: str) -> Tokens:
        """Return what ``to_json`` wrote."""
        read = json.loads(text)
        return cls(**{**read, "vocabulary": tuple(read["vocabulary"])})


def learned(texts: Iterable[str], tokenizer: str, size: int, max_length: int) -> Tokens:
    """Return at most ``size`` tokens of the training ``texts``, equal in every process.

    Raises Infeasible for subwords where their library is missing, or ``size`` leaves none beside the bytes.
    """
    if tokenizer == "subwords":
        return _byte_pairs(texts, size, max_length)
    counts = Counter(token for text in texts for token in _split(tokenizer, text))
    least = LEAST_TIMES if tokenizer == "words" and max(counts.values(), default=0) >= LEAST_TIMES else 1
    ordered = sorted((-count, token) for token, count in counts.items() if count >= least)
    return Tokens(tokenizer, tuple(token for _, token in ordered[:size]), max_length)


def _split(tokenizer: str, text: str) -> list[str]:
    return words_of(text) if tokenizer == "words" else list(folded(text))


def _byte_pairs(texts: Iterable[str], size: int, max_length: int) -> Tokens:
    """Return byte pairs (Sennrich et al. 2016, arXiv:1508.07909) over bytes, so that no text has unknown ones."""
    if size <= NUM_BYTES:
        raise Infeasible(f"vocabulary must be more than {NUM_BYTES} with subwords: so many are single bytes")
    library = _library()
    pairs = library.Tokenizer(library.models.BPE())
    pairs.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=True)
    alphabet = library.pre_tokenizers.ByteLevel.alphabet()
    trainer = library.trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
    pairs.train_from_iterator(map(folded, texts), trainer)
    vocabulary = sorted(pairs.get_vocab(), key=pairs.get_vocab().__getitem__)
    return Tokens("subwords", tuple(vocabulary), max_length, pairs.to_str())


def _library() -> Any:
    try:
        import tokenizers  # 50 ms, and of an extra
    except ImportError as error:
        raise Infeasible(LACKING) from error
    return tokenizers


def _joined(cells: Sequence[list[int]], most: int) -> list[int]:
    if len(cells) == 1:
        return cells[0][:most]
    first, second = cells
    room = most - 1
    second = second[: max(room - len(first), room // 2)]
    return [*first[: room - len(second)], SEPARATOR, *second]
