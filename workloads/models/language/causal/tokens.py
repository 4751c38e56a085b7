"""Texts, prompts and completions as rows of a causal model's tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from workloads.arrays import Array, Infeasible
from workloads.models.language.causal.codes import Row, row
from workloads.models.language.pretrained import tokens_of

AT_ONCE = 1000
"""Number of texts that are divided into tokens at once."""


@dataclass(frozen=True)
class Pieces:
    """A text's tokens, and where in it each ends, in characters: both (tokens,)."""

    ids: Array
    ends: Array


@dataclass(frozen=True)
class CausalTokens:
    """A causal model's tokenizer, and the largest number of tokens of a row."""

    tokenizer: Any
    max_length: int

    @classmethod
    def of(cls, model: str, max_length: int) -> CausalTokens:
        """Return that of ``model``, a name, or a folder that holds a tokenizer.

        Raises Infeasible where it cannot be loaded, or does not tell where in a text its tokens are.
        """
        tokenizer = tokens_of(model, max_length).tokenizer
        if not tokenizer.is_fast:
            rule = "its tokenizer does not report where its tokens are in a text: save it as tokenizer.json"
            raise Infeasible(f"parameters.model: {model!r}: {rule}")
        return cls(tokenizer, max_length)

    @cached_property
    def first(self) -> list[int]:
        """Tokens before each text, by the tokenizer's own rule, such as one for its begin; may be empty."""
        ids, bare = self.tokenizer("a")["input_ids"], self.tokenizer("a", add_special_tokens=False)["input_ids"]
        place = next((k for k in range(len(ids)) if ids[k : k + len(bare)] == bare), 0)
        return list(ids[:place])

    @property
    def last(self) -> list[int]:
        """The token that ends a text; empty where the tokenizer has none."""
        found = self.tokenizer.eos_token_id
        return [] if found is None else [int(found)]

    @property
    def before_nothing(self) -> list[int]:
        """Tokens from which the first one is predicted where there is no prompt; may be empty."""
        begin = self.tokenizer.bos_token_id
        return self.first or (self.last if begin is None else [int(begin)])

    def pieces(self, texts: Sequence[str]) -> list[Pieces]:
        """Return the tokens of each text, without those that the tokenizer puts around one."""
        found: list[Pieces] = []
        for start in range(0, len(texts), AT_ONCE):
            part = list(texts[start : start + AT_ONCE])
            told = self.tokenizer(
                part, add_special_tokens=False, return_offsets_mapping=True, return_attention_mask=False
            )
            for ids, places in zip(told["input_ids"], told["offset_mapping"], strict=True):
                ends = np.array([end for _, end in places], np.int64)
                found.append(Pieces(np.array(ids, np.int64), np.maximum.accumulate(ends) if len(ends) else ends))
        return found

    def prompts(self, texts: Sequence[str], room: int = 0) -> list[list[int]]:
        """Return the tokens from which each text is continued; of long ones the last, so that ``room`` is left."""
        most = max(1, self.max_length - len(self.first) - room)
        found = [self.first + piece.ids[-most:].tolist() for piece in self.pieces(texts)]
        return [ids or self.before_nothing for ids in found]


def examples(tokens: CausalTokens, pairs: Sequence[tuple[str, ...]]) -> list[Row]:
    """Return a row for each prompt and completion: the completion's tokens count, and the one that ends it.

    Too long a prompt is cut at its begin. A completion that leaves no room for a token before it is cut at its end,
    and is then not followed by the token that ends it.
    """
    prompts, completions = (tokens.pieces([pair[k] for pair in pairs]) for k in range(2))
    rows = zip(pairs, prompts, completions, strict=True)
    return [_example(tokens, prompt.ids.tolist(), done, len(pair[1])) for pair, prompt, done in rows]


def _example(tokens: CausalTokens, prompt: list[int], completion: Pieces, characters: int) -> Row:
    before = tokens.first + prompt or tokens.before_nothing or [0]
    target = completion.ids.tolist() + tokens.last
    kept = target[: tokens.max_length - min(len(before), len(tokens.first) + 1)]
    if len(kept) < len(target):
        characters = int(completion.ends[len(kept) - 1])
    before = last_of(before, tokens.max_length - len(kept), len(tokens.first))
    return row(before + kept, [False] * len(before) + [True] * len(kept), characters)


def is_cut(tokens: CausalTokens, prompt: Pieces, completion: Pieces) -> tuple[bool, bool]:
    """Return whether a prompt and whether its completion is cut."""
    after = len(completion.ids) + len(tokens.last)
    before = len(tokens.first) + len(prompt.ids)
    return before + after > tokens.max_length, min(before, len(tokens.first) + 1) + after > tokens.max_length


def last_of(before: list[int], most: int, num_first: int) -> list[int]:
    """Return at most ``most`` tokens of ``before``: its ``num_first`` first ones, and the last of the others."""
    if len(before) <= most:
        return before
    kept = min(num_first, most)
    return before[:kept] + (before[-(most - kept) :] if most > kept else [])


def windows(tokens: CausalTokens, text: str, train: bool) -> list[Row]:
    """Return the rows of a text, in its order; of all rows together each of its tokens counts once.

    Those of training follow one another. Of others each begins in the middle of the one before, so that but in the
    first one each token that counts is predicted from at least half a row. The text's first token counts only
    where the tokenizer puts one before it.
    """
    (piece,) = tokens.pieces([text])
    first, num = tokens.first, len(piece.ids)
    width = tokens.max_length - len(first)
    step = width - 1 if train else max(1, width // 2)
    ends = np.concatenate([[0], piece.ends])
    found: list[Row] = []
    start, done = 0, 0 if first else 1
    while done < num:
        end = min(num, start + width)
        at = np.arange(start - len(first), end)
        ids = np.concatenate([np.array(first, np.int64), piece.ids[start:end]])
        found.append(row(ids, at >= done, int(ends[end] - ends[done])))
        start, done = start + step, end
    return found
