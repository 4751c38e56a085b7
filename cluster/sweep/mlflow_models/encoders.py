"""Text encoders of MLflow's models as folders on this machine, each made once."""

from __future__ import annotations

import fcntl
import importlib
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Final

from tracking.results.model_files import PYTHON, ModelCard, card_of, downloaded
from workloads.files.cache import cache_folder

OURS: Final = "workloads.champion."
"""Beginning of the modules that load champions."""
PRETRAINED: Final = (f"{OURS}language_model", f"{OURS}causal.continuations")
"""Modules that load champions of ``language``."""
HUGGING_FACE: Final = "transformers"
"""Flavor of models that mlflow.transformers has logged."""


class NoEncoder(Exception):
    """Error: the model is no text encoder, or would be opened by code of its own; the message says which."""


def encoder_of(uri: str | None, model_uri: str) -> Path:
    """Return the folder with config.json, weights and tokenizer of a model in the store ``uri``.

    A champion's encoder is the one that it was trained to be, adapters merged. Raises NoEncoder, Refused, Away, and
    what a champion's own encoder is refused with. Folders stay in the cache, by the model's unchanging ID.
    """
    card = card_of(uri, model_uri)
    refuse_others(card)
    cache = cache_folder("encoders")
    folder = (cache or Path(mkdtemp(prefix="paceline-encoders-"))) / card.uuid
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            with TemporaryDirectory(dir=folder.parent, prefix=".partial-") as partial:
                made = Path(partial, "encoder")
                _write(card, downloaded(uri, model_uri, Path(partial)), made)
                made.replace(folder)
    return folder


def refuse_others(card: ModelCard) -> None:
    """Raise NoEncoder unless the model is a champion of ``language``, or one of Hugging Face's with its weights."""
    known = card.flavors.get(HUGGING_FACE)
    if card.loader in PRETRAINED or (known and "model_binary" in known):
        return
    if known:
        why = "is registered without its weights: merge its adapter, if it has one, and log it with its weights"
        raise NoEncoder(f"it {why}, by mlflow.transformers.log_model")
    if card.loader.startswith(OURS) or card.loader == "mlflow.pytorch":
        kind = "a champion of another workload" if card.loader.startswith(OURS) else "a network of torch"
    else:
        kind = "a model of " + (" and ".join(sorted(card.flavors.keys() - {PYTHON})) or "Python in general")
    raise NoEncoder(
        f"it is {kind}: name a champion of workload language, or a model that was registered by "
        "mlflow.transformers.log_model"
    )


def _write(card: ModelCard, files: Path, folder: Path) -> None:
    if card.loader in PRETRAINED:
        from workloads.champion.encoders.folder import write_network  # 1,300 ms: torch

        champion = importlib.import_module(card.loader).load(files / card.data)
        return write_network(champion, folder)
    shutil.copytree(files / str(card.flavors[HUGGING_FACE]["model_binary"]), folder)
    tokenizer = files / "components" / "tokenizer"
    if tokenizer.is_dir():
        shutil.copytree(tokenizer, folder, dirs_exist_ok=True)
    return None
