"""Writes a champion of ``language`` as a folder that Hugging Face's libraries load without Paceline."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from workloads.champion.causal.continuations import Continuations
from workloads.champion.encoders import predict
from workloads.champion.encoders.folder import write_network
from workloads.champion.language_model import LanguageModel
from workloads.models.language.inputs import Vectors
from workloads.models.language.pretrained import transformers_library
from workloads.tables.columns import encode

HEAD, CARD = "head.safetensors", "paceline.json"
MOST = 1e-3
"""Largest difference of logits that the order of sums can explain."""


class NotWritten(Exception):
    """Raised for a champion that cannot be written as such a folder; the text is one sentence for the user."""


@dataclass(frozen=True)
class Written:
    """What was written: bytes by file, and the largest difference of its outputs to the champion's."""

    sizes: Mapping[str, int]
    difference: float


def write_folder(champion: LanguageModel | Continuations, examples: Any, folder: Path) -> Written:
    """Write network, tokenizer and, of an encoder, the classifier and a script that predicts; compare outputs.

    ``examples`` is a DataFrame of texts; ``champion`` is changed, as adapters are merged. Raises NotWritten, and
    leaves no folder, where the outputs differ.
    """
    if champion.card.shape.problem == "tagging":
        raise NotWritten("a champion that labels words reads each word's first piece: load it from MLflow")
    try:
        if isinstance(champion, LanguageModel):
            difference = _encoder(champion, examples, folder)
        else:
            difference = _causal(champion, examples, folder)
        if difference > MOST:
            raise NotWritten(f"what was written differs from the champion by up to {difference:.2g}")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Written({path.name: path.stat().st_size for path in sorted(folder.iterdir())}, difference)


def _encoder(champion: LanguageModel, examples: Any, folder: Path) -> float:
    expected, head = outputs_of(champion, examples), head_of(champion)
    write_network(champion, folder)
    save_file(head, folder / HEAD)
    params, columns = champion.card.params, champion.card.columns
    told = {"max_length": params["max_length"], "classes": champion.card.classes, "pooling": params["pooling"]}
    told |= {"pooled_layers": champion.network.pooled_layers, "columns": len(columns)}
    (folder / CARD).write_text(json.dumps(told, indent=1), encoding="utf-8")
    shutil.copy(predict.__file__, folder / "predict.py")
    rows = list(examples.fillna("").astype(str).itertuples(index=False, name=None))
    found = predict.Model(folder)(rows if len(columns) == 2 else [text for (text,) in rows])
    return float((found - expected).abs().max())


@torch.inference_mode()
def _causal(champion: Continuations, examples: Any, folder: Path) -> float:
    tokens = champion.tokens.prompts(examples.iloc[:, 0].fillna("").astype(str).tolist())
    rows = [torch.tensor([row]) for row in tokens if row]
    before = [champion.network.net(input_ids=row).logits for row in rows]
    write_network(champion, folder)
    after = transformers_library().AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    return max(
        float((after(input_ids=row).logits - old).abs().max()) for row, old in zip(rows, before, strict=True)
    )


def outputs_of(champion: LanguageModel, examples: Any) -> Tensor:
    """Return logits (rows, classes), or numbers in the target's units (rows, 1), in float32.

    A champion of lower precision may differ from them.
    """
    card = champion.card
    x, columns = encode(examples, card.columns, "the rows")
    inputs = champion.inputs.of(columns)(torch.from_numpy(x))
    with torch.inference_mode():
        if isinstance(champion.inputs, Vectors):
            outputs: Tensor = champion.model(inputs)
        else:
            outputs = champion.model.get_submodule("head")(champion.network(inputs))
    return outputs if card.classes else outputs * card.shape.target_std + card.shape.target_mean


def head_of(champion: LanguageModel) -> dict[str, Tensor]:
    """Return weight (outputs, features) and bias of the classifier on an encoder's vectors, scaling included."""
    [linear] = [layer for name, layer in champion.model.named_modules() if _is_head(name, layer)]
    weight, bias = linear.weight.detach().double(), linear.bias.detach().double()
    if isinstance(champion.inputs, Vectors):
        scale = champion.inputs.scaled
        weight = weight / scale.std.double()
        bias = bias - weight @ scale.mean.double()
    if not champion.card.classes:
        shape = champion.card.shape
        weight, bias = weight * shape.target_std, bias * shape.target_std + shape.target_mean
    return {"weight": weight.float().contiguous(), "bias": bias.float().contiguous()}


def _is_head(name: str, layer: nn.Module) -> bool:
    return isinstance(layer, nn.Linear) and not name.startswith("encoder.")
