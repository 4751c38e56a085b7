"""A champion's pre-trained network as it was trained, as a folder that Hugging Face's libraries load."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

    from workloads.champion.causal.continuations import Continuations
    from workloads.champion.language_model import LanguageModel


def write_network(champion: LanguageModel | Continuations, folder: Path) -> None:
    """Write config.json, model.safetensors and the tokenizer into ``folder``; adapters are merged, in place.

    The tokenizer of a causal model finds the names of special tokens in a text, as other libraries expect; that of
    an encoder takes them as text, as in its training.
    """
    net = champion.network.net
    merge_adapters(net)
    net.save_pretrained(folder)
    tokenizer = copy.deepcopy(champion.tokens.tokenizer)
    if champion.network.net.get_output_embeddings() is not None:  # a chat's template is made of special tokens
        tokenizer.split_special_tokens = False
    tokenizer.save_pretrained(folder)


def merge_adapters(net: nn.Module) -> None:
    """Add each adapter of low rank to the weights beside it, and leave plain layers with the same outputs."""
    wrapped = [(name, layer) for name, layer in net.named_modules() if hasattr(layer, "get_base_layer")]
    for name, layer in wrapped:
        layer.merge()
        net.set_submodule(name, layer.get_base_layer())
