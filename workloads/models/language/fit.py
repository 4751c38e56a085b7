"""What differs between the files of a pre-trained model: its configuration, its weights and its tokenizer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

SHOWN = 3
UNUSED = ("pooler.",)
"""Beginnings of the names of weights behind the last layer, which are not used."""


def weights_fault(net: Any, told: Mapping[str, Any]) -> str | None:
    """Return how weights do not fit their config.json, by what transformers ``told``; None where they do.

    Those of a head that is not used may be missing or left over; a layer may be neither.
    """
    unlike = sorted(told["mismatched_keys"])
    if unlike:
        name, theirs, ours = unlike[0]
        return f"{name} is {_shape(theirs)}, and by config.json {_shape(ours)}{_more(unlike, 1)}"
    lacking = sorted(name for name in told["missing_keys"] if not name.startswith(UNUSED))
    if lacking:
        return f"{', '.join(lacking[:SHOWN])}{_more(lacking, SHOWN)} are missing"
    own = {_layers(name) for name, _ in net.named_parameters()} - {None}
    over = sorted(name for name in told["unexpected_keys"] if _layers(name) in own)
    return f"{', '.join(over[:SHOWN])}{_more(over, SHOWN)} are of layers that it has not" if over else None


def tokenizer_fault(tokenizer: Any, config: Any, num_tokens: int) -> str | None:
    """Return how a tokenizer does not fit a model with vectors for ``num_tokens`` tokens; None where it does."""
    largest = max(tokenizer.get_vocab().values(), default=0)
    if largest >= num_tokens:
        return f"it has tokens up to number {largest}, and the model vectors of {num_tokens} from 0 on"
    theirs, ours = tokenizer.pad_token_id, getattr(config, "pad_token_id", None)
    if theirs is not None and ours is not None and theirs != ours:
        return f"padding is its token {theirs}, and token {ours} by config.json"
    return None


def kind_fault(config: Mapping[str, Any], class_name: str) -> str | None:
    """Return how config.json contradicts itself: weights of another class than ``class_name`` of its type."""
    prefix, named = class_name.removesuffix("Model").removesuffix("Text"), config.get("architectures") or []
    if not prefix or not named or any(str(name).startswith(prefix) for name in named):
        return None
    kind = config.get("model_type")
    return (
        f"model_type {kind!r} of its config.json is not that of its architecture {named[0]}: one of them is wrong"
    )


def _layers(name: str) -> str | None:
    """Return the path of the list of layers that a weight is in: ``encoder.layer`` of ``encoder.layer.2.bias``."""
    found = re.match(r"(.+?)\.\d+\.", name)
    return found and found[1]


def _shape(size: Iterable[int]) -> str:
    return " x ".join(map(str, size))


def _more(names: list[Any], shown: int) -> str:
    return f" and {len(names) - shown} more" if len(names) > shown else ""
