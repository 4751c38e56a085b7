"""Names of the causal models, which continue a text, and what a folder that is asked for one must say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from search_spaces.types.faults import nearest

DECODERS: Final = (
    *(
        "bloom",
        "codegen",
        "falcon",
        "gemma",
        "gemma2",
        "gemma3_text",
        "glm",
        "glm4",
        "gpt2",
        "gpt_bigcode",
        "gpt_neo",
    ),
    *("gpt_neox", "gptj", "helium", "llama", "mistral", "olmo", "olmo2", "olmo3", "opt", "phi", "phi3", "qwen2"),
    *("qwen3", "smollm3", "stablelm", "starcoder2"),
)
"""Types of models whose outputs at a token depend on it and on those before it alone."""
NOT_PACKED: Final = ("bloom", "opt")
"""Types that count positions by the mask of a row: examples in one row would see each other."""
CONTINUES = (
    "it continues texts: give it data: {text: FILE}, or prompt and completion, or name an encoder, such as bert"
)


def decoder_fault(config: Mapping[str, Any]) -> str | None:
    """Return why a model of this ``config.json`` cannot continue texts, and the way out; None where it can."""
    kind = config.get("model_type")
    if kind in DECODERS:
        return None
    close = nearest(str(kind), DECODERS)
    known = f"did you mean {close}?" if close else f"it must be one of {', '.join(DECODERS)}."
    return (
        f"model_type {kind!r} of its config.json is no causal model, so it has no head that continues a text; "
        f"{known} To classify or score texts, give data a target and a column of texts"
    )


def num_layers(config: Mapping[str, Any]) -> int:
    """Return the number of layers of a ``config.json``, by whichever name its type has for it; 0 without one."""
    names = ("num_hidden_layers", "n_layers", "n_layer", "num_layers")
    return next((int(config[name]) for name in names if config.get(name)), 0)
