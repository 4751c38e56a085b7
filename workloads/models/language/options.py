"""How an encoder that is trained computes: its dropout and its attention, and what a machine must have for them."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

from workloads.arrays import Infeasible
from workloads.models.language.hyperparameters import FLASH, OF_LAYERS, TUNED

if TYPE_CHECKING:
    from workloads.models.language.hyperparameters import LanguageHyperparameters

OF_HEADS = ("classif", "layerdrop", "pooler", "qa_", "summary")
"""Parts of names of other rates than those within the layers."""


def attention(hp: LanguageHyperparameters) -> str | None:
    """Return the attention by transformers' name; None for the model's default."""
    return None if hp.attn == "auto" or hp.mode not in TUNED else hp.attn


def set_dropout(config: Any, hp: LanguageHyperparameters) -> None:
    """Set all dropout rates within the layers, where ``hp`` has one."""
    if hp.encoder_dropout is None or hp.mode not in OF_LAYERS["mode"]:
        return
    for name in config.to_dict():
        if "drop" in name and not any(part in name for part in OF_HEADS):
            setattr(config, name, hp.encoder_dropout)


def check_attention(hp: LanguageHyperparameters) -> None:
    """Raise Infeasible for flash attention without its package, or in float32, which it does not know."""
    if attention(hp) != FLASH:
        return
    if importlib.util.find_spec("flash_attn") is None:
        raise Infeasible(
            f"parameters.attn: {FLASH} needs the package flash-attn, which is not installed here (`pip install "
            "flash-attn` builds it for a GPU); sdpa computes the same"
        )
    if hp.precision == "float32":
        raise Infeasible(f"parameters.precision: must be bfloat16 or auto beside attn: {FLASH}, or give attn: sdpa")
