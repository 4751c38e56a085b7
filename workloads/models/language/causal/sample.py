"""Continuations by a causal model, token by token, of the likeliest ones or by chance."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import torch
from torch import nn

from workloads.models.language.causal.codes import Read
from workloads.models.language.causal.inputs import Rows
from workloads.models.language.causal.tokens import CausalTokens, last_of
from workloads.models.language.causal.tuned import TunedDecoder
from workloads.models.language.folder import positions
from workloads.training.batches import ResidentData

NUM_TOKENS = 64
MARK = "\n--- from here on the model ---\n"


@dataclass(frozen=True)
class Manner:
    """How texts are continued."""

    num_tokens: int = NUM_TOKENS
    """Largest number of new tokens."""
    temperature: float = 0.0
    """0: always the likeliest token; else logits are divided by it, and tokens drawn."""
    seed: int = 0


def sample(data: ResidentData, model: nn.Module) -> str:
    """Return the first row of the validation split, of a pair its prompt, and how the model continues it.

    A text is continued by chance, by the model's probabilities; a prompt by the likeliest tokens. The draws follow
    from the text: with the same ones for all, continuations of several texts soon agree.
    """
    assert isinstance(model, TunedDecoder) and isinstance(data.prepare, Rows)
    tokens, read = data.prepare.tokens, Read.of(data.x_val[:1])
    ids = read.tokens[0, read.there[0]].tolist()
    is_text = data.shape.problem == "language"
    ids = ids if is_text else ids[: int(read.counts[0].int().argmax())]
    shown: str = tokens.tokenizer.decode(ids, skip_special_tokens=True)
    how = Manner(temperature=float(is_text), seed=crc32(shown.encode()))
    return shown + MARK + written(tokens, model, [ids], how)[0] + "\n"


@torch.no_grad()
def written(tokens: CausalTokens, model: TunedDecoder, prompts: Sequence[Sequence[int]], how: Manner) -> list[str]:
    """Return the continuation of each prompt, of tokens; it ends where the model writes the token that ends a text.

    Prompts are padded on the left: each continuation is the one that it has alone (drawn ones but for the draws).
    Where the model's positions end, long prompts lose their begin but for the tokens that begin each text.
    """
    net = _without_habits(model.decoder.net)
    limit = positions(net.config.to_dict()) or tokens.max_length + how.num_tokens
    first = len(tokens.first)
    most = min(limit - 1, max(first + 1, limit - how.num_tokens))
    prompts = [last_of(list(row), most, first) for row in prompts]
    device = next(net.parameters()).device
    end = tokens.last[0] if tokens.last else None
    width = max(map(len, prompts))
    ids = torch.tensor([[0] * (width - len(row)) + list(row) for row in prompts], device=device)
    there = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in prompts], device=device)
    drawn = {"do_sample": True, "temperature": how.temperature, "top_k": 0, "top_p": 1.0} if how.temperature else {}
    config = _configuration(
        max_new_tokens=min(how.num_tokens, limit - width), eos_token_id=end, pad_token_id=end or 0, **drawn
    )
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(how.seed)
        found = net.generate(ids, attention_mask=there, generation_config=config)[:, width:]
    return [_text(tokens, row.tolist()) for row in found]


def _without_habits(net: Any) -> Any:
    """Return the same network without its own ``generation_config.json``.

    That would stand for all that is not asked for: drawn tokens in place of the likeliest, penalties of repetition.
    """
    from transformers import GenerationConfig  # 900 ms: transformers

    found = copy(net)
    found.generation_config = GenerationConfig()
    return found


def _configuration(**told: Any) -> Any:
    from transformers import GenerationConfig  # 900 ms: transformers

    return GenerationConfig(use_cache=True, **told)


def _text(tokens: CausalTokens, ids: list[int]) -> str:
    if tokens.last and tokens.last[0] in ids:
        ids = ids[: ids.index(tokens.last[0])]
    text: str = tokens.tokenizer.decode(ids, skip_special_tokens=True)
    return text
