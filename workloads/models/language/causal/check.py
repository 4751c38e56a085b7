"""What a causal model is refused for before anything is trained; imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from search_spaces.types.problems import Problem
from workloads.arrays import Infeasible
from workloads.models.language.decoders import NOT_PACKED, num_layers
from workloads.models.language.folder import NONE, SMALL_LAYERS, SMALL_POSITIONS, check_folder

if TYPE_CHECKING:
    from workloads.models.language.hyperparameters import LanguageHyperparameters

CAUSAL: Final[tuple[Problem, ...]] = ("language", "completion")
"""Problems that a causal model solves: a text's next tokens, and the completions of prompts."""


def check_causal(hp: LanguageHyperparameters) -> None:
    """Raise Infeasible for hyperparameters, or a model, that cannot continue texts."""
    if hp.mode == "features":
        raise Infeasible(
            "parameters.mode: features are vectors of whole texts, behind which nothing continues one: set mode: "
            "lora, last_layers or full"
        )
    most, kind, packs = SMALL_LAYERS, "gpt2", True
    if hp.model != NONE:
        config = check_folder(hp.model, hp.max_length, decoder=True)
        most, kind = num_layers(config), str(config["model_type"])
        packs = kind not in NOT_PACKED and not config.get("alibi")
    elif hp.max_length > SMALL_POSITIONS:
        raise Infeasible(f"parameters.max_length: must be at most {SMALL_POSITIONS} for model none")
    if most and hp.mode == "last_layers" and hp.trained_layers > most:
        raise Infeasible(f"parameters.trained_layers: must be at most {most}, the layers of {hp.model!r}")
    if hp.packing and not packs:
        raise Infeasible(
            f"parameters.packing: must be false for models of type {kind}: examples in one row would see each other"
        )
