"""Finds a pre-trained encoder's folder, and refuses what cannot be used, without torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from search_spaces.types.error_text import first_line
from search_spaces.types.faults import nearest
from workloads.arrays import Infeasible
from workloads.files import mlflow_models
from workloads.models.language.decoders import CONTINUES, DECODERS, decoder_fault

NONE = "none"
"""Name of a small encoder, or causal model, with random weights."""
SMALL_POSITIONS, SMALL_LAYERS = 512, 2
"""Of the model ``none``."""
ENCODERS = (
    *("albert", "bert", "camembert", "deberta", "deberta-v2", "distilbert", "electra", "ernie", "megatron-bert"),
    *("modernbert", "mpnet", "nomic_bert", "rembert", "roberta", "roberta-prelayernorm", "roformer"),
    *("xlm-roberta", "xlm-roberta-xl"),
)
"""Types of models that read a text as a whole, in which padding does not matter."""
OFFSET = ("camembert", "mpnet", "roberta", "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl")
"""Types whose positions are counted from behind the padding token's number."""
ORIGINAL, PHI3_ORIGINAL = "original_max_position_embeddings", 4096
"""Positions of a model before they were scaled, and of Phi-3 where its ``config.json`` is silent."""
WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json", "model.bin", "model.pt", "model.pth")
TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model", "spm.model")
FILES = ("*.json", "*.txt", "*.model", "model*.safetensors")
"""What is downloaded of a model: neither pickles nor code."""
INSTALL = "pip install 'paceline[language]'"


def folder_of(model: str) -> Path:
    """Return the folder of ``model``: a folder, a name on the hub, or one of MLflow's, downloaded if need be.

    Raises Infeasible with the folder to fill where it is none of them.
    """
    if mlflow_models.is_of_mlflow(model):
        return _of_mlflow(model)
    local = Path(model).expanduser()
    if local.is_absolute() and local.is_dir():  # a spec's relative ones are absolute by now
        return local.resolve()
    if model.startswith((".", "/", "~")) or model.count("/") > 1 or "\\" in model:
        raise _refused(model, f"there is no folder {str(local)!r}{_meant(local)}")
    try:
        from huggingface_hub import constants, snapshot_download
    except ImportError as error:
        raise Infeasible(f"workload language needs Hugging Face's libraries: {INSTALL}") from error
    try:
        return Path(snapshot_download(model, allow_patterns=list(FILES)))
    except (OSError, ValueError) as error:  # no network, no such model, no name of a model
        why = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else first_line(error)
        raise _refused(
            model,
            f"there is no such folder beside the spec{_known(model, Path(constants.HF_HUB_CACHE))}, and the hub "
            f"cannot give it ({why}): put its config.json, tokenizer.json and model.safetensors into a folder and "
            f"name that, or fill {constants.HF_HUB_CACHE} by `hf download {model}` where there is a network",
        ) from error


def to_fetch(model: str) -> str | None:
    """Return where a sweep is to fetch a model from; None where it is here, or cannot be fetched."""
    if mlflow_models.is_of_mlflow(model):
        return f"{model} is fetched from MLflow as the sweep starts"
    if model == NONE or model.startswith(("/", "~", ".")):
        return None
    try:
        from huggingface_hub import constants, snapshot_download

        if not constants.HF_HUB_OFFLINE:
            snapshot_download(model, allow_patterns=list(FILES), local_files_only=True)
    except (ImportError, ValueError):
        return None
    except OSError:
        return f"{model} is not on this machine yet: it is fetched from the hub as the sweep starts"
    return None


def _known(model: str, cache: Path) -> str:
    """Return a hint at a model of a similar name that was downloaded."""
    names = [path.name.removeprefix("models--").replace("--", "/") for path in cache.glob("models--*")]
    close = nearest(model, names)
    return f" (did you mean {close!r}, which is in the hub's cache?)" if close else ""


def _of_mlflow(model: str) -> Path:
    if mlflow_models.open_encoder is None:
        raise _refused(model, "can only be opened by a sweep, which knows MLflow")
    try:
        return mlflow_models.open_encoder(model)
    except Infeasible:
        raise
    except Exception as error:  # a store may raise anything
        raise _refused(model, f"cannot be opened: {first_line(error)}") from error


def check_folder(model: str, max_length: int, decoder: bool = False) -> Mapping[str, Any]:
    """Return the configuration of ``model``.

    Raises Infeasible for one that is no text encoder, or with ``decoder`` no causal model, or lacks a file.
    """
    folder = folder_of(model)
    config = _json(model, folder, "config.json")
    if fault := decoder_fault(config) if decoder else _encoder_fault(config):
        raise _refused(model, fault)
    if not _holds(folder, WEIGHTS):
        pickled = next((name for name in PICKLES if (folder / name).exists()), None)
        found = f"{pickled}, which is not opened, as it may run code: save it as safetensors" if pickled else "none"
        raise _refused(model, f"its weights must be in {WEIGHTS[0]}, {folder} holds {found}")
    if not _holds(folder, TOKENIZERS):
        raise _refused(model, f"{folder} has no tokenizer: none of {', '.join(TOKENIZERS)}")
    most = positions(config)
    if most and max_length > most:
        why = (
            ""
            if most != scaled_beyond(config)
            else ", beyond which a text's values change with its batch's longest"
        )
        raise Infeasible(
            f"parameters.max_length: must be at most {most}, the positions of {model!r}{why}: {max_length}"
        )
    return config


def _encoder_fault(config: Mapping[str, Any]) -> str | None:
    kind = config.get("model_type")
    if kind in ENCODERS:
        told = config.get("is_decoder") or config.get("is_encoder_decoder")
        return "its config.json says that it is a decoder, which does not read a text as a whole" if told else None
    close = nearest(str(kind), ENCODERS)
    known = f"did you mean {close}?" if close else f"it must be one of {', '.join(ENCODERS)}"
    known = CONTINUES if kind in DECODERS else known
    return f"model_type {kind!r} of its config.json is no text encoder; {known}"


def positions(config: Mapping[str, Any]) -> int:
    """Return the largest number of tokens that a model can read; 0 where nothing limits it.

    Of one whose rotary positions are others for long texts these are those of short ones.
    """
    most = int(config.get("max_position_embeddings") or config.get("n_positions") or 0)
    if most and config.get("model_type") in OFFSET:
        most -= int(config.get("pad_token_id") or 0) + 1
    short = scaled_beyond(config)
    return max(0, min(most, short) if most and short else most or short)


def scaled_beyond(config: Mapping[str, Any]) -> int:
    """Return the number of tokens beyond which all rotary positions of a batch are others; 0: never.

    LongRoPE's (Ding et al. 2024, arXiv:2402.13753; of Phi-3 once named su or yarn) have two sets: the batch's
    longest text decides which all its texts get.
    """
    told = config.get("rope_parameters") or config.get("rope_scaling")
    parts = [told, *told.values()] if isinstance(told, Mapping) else []
    of_phi3 = config.get("model_type") == "phi3"
    names = ("longrope", "su", "yarn") if of_phi3 else ("longrope",)
    default = PHI3_ORIGINAL if of_phi3 else config.get("max_position_embeddings")
    found = [
        int(config.get(ORIGINAL) or part.get(ORIGINAL) or default or 0)
        for part in parts
        if isinstance(part, Mapping) and (part.get("rope_type") or part.get("type")) in names
    ]
    return min(found, default=0)


def _holds(folder: Path, names: tuple[str, ...]) -> bool:
    return any((folder / name).is_file() for name in names)


def _json(model: str, folder: Path, name: str) -> Mapping[str, Any]:
    try:
        found = json.loads((folder / name).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise _refused(model, f"{folder} has no {name}") from error
    except (OSError, ValueError) as error:
        raise _refused(model, f"{folder / name} cannot be read: {first_line(error)}") from error
    if not isinstance(found, dict):
        raise _refused(model, f"{folder / name} must hold an object")
    return found


def _meant(path: Path) -> str:
    if path.is_file():
        return ": it is a file, name the folder that it is in"
    beside = path.parent.iterdir() if path.parent.is_dir() else ()
    close = nearest(path.name, [other.name for other in beside if other.is_dir()])
    return f", did you mean {str(path.parent / close)!r}?" if close else ""


def _refused(model: str, why: str) -> Infeasible:
    return Infeasible(f"parameters.model: {model!r}: {why}")
