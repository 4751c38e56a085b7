"""Adapters of low rank beside an encoder's linear layers (Hu et al. 2021, arXiv:2106.09685)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from torch import nn

from search_spaces.types.faults import nearest
from workloads.arrays import Infeasible
from workloads.models.language.folder import INSTALL
from workloads.models.language.hyperparameters import ALL_LINEAR
from workloads.models.language.pretrained import transformers_library

if TYPE_CHECKING:
    from workloads.models.language.hyperparameters import LanguageHyperparameters


class Layered(Protocol):
    """A module with a pre-trained network of layers."""

    net: Any

    def layers(self) -> nn.ModuleList:
        """Return its layers from the input to the output."""

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Return all parameters by name."""


def adapters(hp: LanguageHyperparameters, encoder: Layered) -> list[nn.Module]:
    """Put an adapter beside each linear layer that ``lora_targets`` names, and return the adapters."""
    try:
        import peft
    except ImportError as error:
        raise Infeasible(f"mode: lora needs the package peft: {INSTALL}") from error
    config = peft.LoraConfig(
        r=hp.lora_rank,
        lora_alpha=hp.lora_alpha,
        lora_dropout=hp.lora_dropout,
        target_modules=targets(hp.lora_targets, linear_layers(encoder.net)),
        fan_in_fan_out=any(isinstance(layer, _transposed()) for layer in encoder.net.modules()),
    )
    peft.inject_adapter_in_model(config, encoder.net)
    kinds = ("lora_A", "lora_B", "lora_dropout")
    return [part for name, part in encoder.net.named_modules() if name.rpartition(".")[2] in kinds]


def linear_layers(net: Any) -> list[str]:
    """Return the names of a network's linear layers, without that from a causal model's vectors to its tokens."""
    kinds, head = (nn.Linear, _transposed()), net.get_output_embeddings()
    return [name for name, layer in net.named_modules() if isinstance(layer, kinds) and layer is not head]


def _transposed() -> type[nn.Module]:
    """Return the class of GPT-2's linear layer, whose weights are transposed."""
    found: type[nn.Module] = transformers_library().pytorch_utils.Conv1D
    return found


def targets(wanted: str, names: Sequence[str]) -> list[str]:
    """Return those of ``names`` that are one of the words of ``wanted``, or end with a dot and it.

    Raises Infeasible with the nearest valid one for each word that is none.
    """
    if wanted == ALL_LINEAR:
        return list(names)
    words = [word.strip() for word in wanted.split(",")]
    found = [name for name in names if any(f".{name}".endswith(f".{word}") for word in words if word)]
    unknown = [word for word in words if not word or not any(f".{name}".endswith(f".{word}") for name in names)]
    if unknown:
        ends = list(dict.fromkeys(name.rpartition(".")[2] for name in names))
        close = nearest(unknown[0], [*ends, *names])
        hint = f"did you mean {close!r}?" if close else f"it must be {ALL_LINEAR}, or some of {', '.join(ends)}"
        raise Infeasible(f"parameters.lora_targets: {unknown[0]!r} is the end of no linear layer's name; {hint}")
    return found
