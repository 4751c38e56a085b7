"""A small text for causal models, as a sweep's data, and tiny networks of several types."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from workloads.arrays import Arrays, Column
from workloads.data.search_data import SearchData
from workloads.data.statistics import Statistics, fit

WORDS = ("king", "queen", "man", "dog", "cat", "bird", "fish", "tree", "house", "car")
LANDS = ("spain", "france", "italy", "peru", "chile")
TEXT = "".join(f"the {word} of {land} is 😀 fine. " for word in WORDS for land in LANDS)
SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 64,
    "ffn_dim": 64,
    "word_embed_proj_dim": 32,
    "head_dim": 8,
    "vocab_size": 258,
    "max_position_embeddings": 64,
    "sliding_window": 16,
}
"""Sizes of a tiny network, by the names of whichever type has them."""


def part(text: str) -> Arrays:
    """A split of a text; its windows of characters are not what a causal model reads."""
    return Arrays(np.zeros((4, 2), np.int64), np.zeros((4, 2), np.int64), text=text)


def text_data() -> SearchData:
    """A training text and a shorter one for validation."""
    none = Statistics(np.zeros(()), np.zeros(()), np.ones(()))
    return SearchData(part(TEXT[:1000]), part(TEXT[1000:1300]), none, 20, "language", vocabulary="a")


def pair_data() -> SearchData:
    """Forty training sums, and ten others for validation, as prompts and completions."""
    sums = [(f"{a} + {b} =", f" {a + b}") for a in range(5) for b in range(10)]
    columns = tuple(Column(name, "text", tuple(pair[k] for pair in sums)) for k, name in enumerate("qa"))
    x = np.repeat(np.arange(50.0)[:, None], 2, axis=1)
    y = np.array([[float(len(pair[1]))] for pair in sums])
    order = np.random.default_rng(0).permutation(50)
    train, val = (Arrays(x[rows], y[rows], columns) for rows in (order[:40], order[40:]))
    return SearchData(train, val, fit(x), 1, "completion", sentences=True)


def tiny_network(kind: str) -> Any:
    """A causal model of a type, with random weights so large that what a token sees matters."""
    import transformers

    known = transformers.AutoConfig.for_model(kind)
    sizes = {name: value for name, value in SIZES.items() if hasattr(known, name)}
    more = {"attention_types": [[["global", "local"], 1]], "window_size": 8} if kind == "gpt_neo" else {}
    ends = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 1}
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(kind, **sizes, **more, **ends)
    net = transformers.AutoModelForCausalLM.from_config(config).eval()
    for parameter in net.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    return net
