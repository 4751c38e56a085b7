"""Where the frozen weights of a champion's text encoder are, and whether they are those of its training."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

import torch

from workloads.arrays import DataError, Infeasible
from workloads.files.mlflow_models import is_of_mlflow
from workloads.models.language.causal.decoder import Decoder
from workloads.models.language.pretrained import Encoder, Tokens, encoder_of, tokens_of

ENCODER, BASE, TOKENIZER = "encoder.json", "base", "tokenizer"
"""File that names the encoder, and folders of one that is saved whole, and of the tokenizer alone."""
ELSEWHERE = "PACELINE_ENCODER"
"""Environment variable with the folder where an encoder is, for champions that do not find it where it was."""
UNLIKE = ("_name_or_path", "architectures", "dtype", "transformers_version")
"""Keys of a configuration in which equal encoders may differ."""
MIB = 2**20
Pretrained: TypeAlias = Encoder | Decoder
Opener: TypeAlias = Callable[[Any], Pretrained]
"""Function that returns the encoder, or causal model, of hyperparameters."""


def keep_base(
    hp: Any, tokenizer: Any, folder: Path, trained: Pretrained | None = None, of: Opener = encoder_of
) -> None:
    """Write the tokenizer, and name, size and digest of the encoder of ``hp``, into ``folder``.

    Its weights go along where all of them were ``trained``, and where it is a model of MLflow: a champion does not
    depend on versions of other models.
    """
    whole = trained is not None or is_of_mlflow(hp.model)
    tokenizer.save_pretrained(folder / (BASE if whole else TOKENIZER))
    encoder = trained or of(hp)
    if whole:
        encoder.net.save_pretrained(folder / BASE)
        encoder = of(_saved(hp, folder))
    told = {
        "model": hp.model,
        "weights": digest(encoder),
        "bytes": num_bytes(encoder),
        "transformers": version("transformers"),
    }
    (folder / ENCODER).write_text(json.dumps(told, indent=1), encoding="utf-8")


def found_base(hp: Any, folder: Path, of: Opener = encoder_of) -> tuple[Any, Tokens]:
    """Return ``hp`` with the place where the encoder of the champion in ``folder`` is now, and its tokenizer.

    Raises DataError, with the way out, where it is not to be found, or is another one than that of the training.
    """
    told = json.loads((folder / ENCODER).read_text(encoding="utf-8"))
    whole = (folder / BASE).is_dir()
    hp = _saved(hp, folder) if whole else _at(hp, os.environ.get(ELSEWHERE))
    try:
        encoder = of(hp)
    except Infeasible as error:
        raise DataError(_missing(told, error)) from error
    if digest(encoder) != told["weights"]:
        raise DataError(_another(told, hp.model))
    return hp, tokens_of(str(folder / (BASE if whole else TOKENIZER)), hp.max_length)


def digest(encoder: Pretrained) -> str:
    """Return the SHA-256 of an encoder's weights and of its configuration, as far as that is not the default."""
    config = {key: str(value) for key, value in encoder.net.config.to_diff_dict().items() if key not in UNLIKE}
    found = hashlib.sha256(json.dumps(config, sort_keys=True).encode())
    for value in encoder.state_dict().values():
        found.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def num_bytes(encoder: Pretrained) -> int:
    """Return the size of an encoder's weights."""
    return sum(value.nbytes for value in encoder.parameters())


def _saved(hp: Any, folder: Path) -> Any:
    """Return ``hp`` with the encoder that is saved in ``folder``, whose layers are those that were used."""
    return replace(hp, model=str((folder / BASE).resolve()), skipped_layers=0)


def _at(hp: Any, elsewhere: str | None) -> Any:
    gone = hp.model.startswith("/") and not Path(hp.model).is_dir()
    return replace(hp, model=str(Path(elsewhere).expanduser().resolve())) if elsewhere and gone else hp


def _missing(told: Mapping[str, Any], error: Infeasible) -> str:
    size = f", {told['bytes'] / MIB:,.0f} MiB," if "bytes" in told else ""
    return (
        f"the encoder of this champion{size} is not saved with it, and cannot be had from where it was ({error}): "
        f"put it back, or set {ELSEWHERE} to the folder where it is now; `paceline export ID FOLDER`, where it is "
        "still in its place, writes all of it into one folder"
    )


def _another(told: Mapping[str, Any], model: str) -> str:
    then, here = told.get("transformers"), version("transformers")
    why = f" (or transformers {here} reads it otherwise than {then} did)" if then not in (None, here) else ""
    return f"the encoder at {model!r} is another one than that of the training{why}: put it back"
