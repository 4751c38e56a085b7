"""Codes of the pieces of labelled words, by a pre-trained model's own tokenizer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from workloads.arrays import Infeasible
from workloads.data.tagged.conll_file import words_in
from workloads.models.language.pretrained import Tokens, tokens_of

UNKNOWN = "\U00010000"
"""What is read in place of a word of which a tokenizer leaves nothing: a letter of Linear B, which models lack."""


@dataclass(frozen=True)
class WordTokens(Tokens):
    """A tokenizer of sentences of words. A code is 1 + 2 * token + whether the token is a word's first piece."""

    def coded(self, rows: Sequence[tuple[str, ...]]) -> list[list[int]]:
        """Return the codes of each row of one text, whose words have a blank between them.

        They are those that the text has as a whole. Words beyond ``max_length`` tokens are cut off; one of which
        the tokenizer leaves nothing, such as a blank of no width, is an unknown word.
        """
        if not rows:
            return []
        sentences = [words_in(text) for (text,) in rows]
        read = self._readable({word for words in sentences for word in words})
        spaced = [[" " * (k > 0) + read[word] for k, word in enumerate(words)] for words in sentences]
        found = self.tokenizer(
            spaced,
            is_split_into_words=True,
            truncation=True,
            max_length=self.max_length,
            padding=False,
            return_attention_mask=False,
        )
        return [
            [1 + 2 * token + first for token, first in zip(ids, _firsts(found.word_ids(k)), strict=True)]
            for k, ids in enumerate(found["input_ids"])
        ]

    def _readable(self, words: Iterable[str]) -> dict[str, str]:
        """Return each word, or what is read in its place."""
        known = sorted(words)
        if not known:
            return {}
        found = self.tokenizer([[word] for word in known], is_split_into_words=True, add_special_tokens=False)
        return {word: word if ids else UNKNOWN for word, ids in zip(known, found["input_ids"], strict=True)}


def word_tokens_of(model: str, max_length: int) -> WordTokens:
    """Return the tokenizer of ``model`` for sentences of words. Raises Infeasible where it cannot be used so."""
    tokenizer = tokens_of(model, max_length).tokenizer
    if not tokenizer.is_fast:
        raise Infeasible(
            f"parameters.model: {model!r}: labelled words need a tokenizer that tells which word a token is of: "
            "its folder must have a tokenizer.json"
        )
    return WordTokens(tokenizer, max_length)


def num_words(codes: Tensor) -> Tensor:
    """Return how many words of each row are read, (rows,), by padded codes (rows, tokens)."""
    return firsts_in(codes).sum(1)


def firsts_in(codes: Tensor) -> Tensor:
    """Return which codes are of a word's first piece; 0 is none."""
    return (codes > 0) & ((codes - 1) % 2 == 1)


def share_cut(words: Sequence[tuple[str, ...]], codes: Sequence[Sequence[int]]) -> float:
    """Return the share of the words of sentences that their ``codes`` lack."""
    there = sum(len(words_in(text)) for (text,) in words)
    read = sum(int(num_words(torch.tensor([row])).sum()) for row in codes if row)
    return 1 - read / max(1, there)


def _firsts(word_ids: Sequence[int | None]) -> list[bool]:
    before = [None, *word_ids[:-1]]
    return [own is not None and own != last for own, last in zip(word_ids, before, strict=True)]
