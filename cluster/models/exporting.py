"""Exports a sweep's champion: ONNX, torch's graph, safetensors, or a folder of Hugging Face's libraries."""

from __future__ import annotations

import copy
import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from cluster.models.champion import NoModel, why_none
from cluster.models.takes import card_of
from cluster.sweep.mlflow_models.opening import open_models_of
from search_spaces.space.hyperparameters import complete
from search_spaces.types.trial_names import trial_key
from search_spaces.types.values import stored
from workloads.legs import checkpoint
from workloads.registry import described

if TYPE_CHECKING:
    from cluster.sweep.reading import Reading
    from workloads.data.search_data import SearchData

Format = Literal["onnx", "safetensors", "pt2", "huggingface"]
FORMATS: Final = get_args(Format)
ENDINGS: Final[Mapping[str, Format]] = {".onnx": "onnx", ".safetensors": "safetensors", ".pt2": "pt2"}
LANGUAGE: Final = "language"
"""Workload whose champions have a network of Hugging Face's."""
WITH_PYTHON: Final = "`paceline predict`, `paceline serve` and mlflow.pyfunc use it with its preparation"


def export_champion(read: Reading, path: Path, wanted: Format | None = None) -> str:
    """Write the champion to ``path``; return what it is, and how well it agrees, in words.

    ``wanted`` None: by the ending of ``path``, of a text encoder a folder. Raises NoModel where it cannot be
    written so, and DataError where the sweep's data cannot be prepared again.
    """
    try:
        return _exported(read, path, wanted)
    except checkpoint.TornCheckpoint as error:
        way_out = (
            f"train the champion anew: `paceline best {read.home.id} -o best.yaml`, and `paceline run best.yaml`"
        )
        raise NoModel(
            f"the champion's checkpoint is damaged or was changed, and is not loaded ({error}): {way_out}"
        ) from error


def _exported(read: Reading, path: Path, wanted: Format | None) -> str:
    from workloads.data.prepare import prepare  # 100 ms: NumPy

    sweep, uri = read.sweep, _checkpoint(read)
    if not (kind := described(sweep.workload)).registered or kind.serves_files or not sweep.data.given:
        way_out = f"`paceline best {read.home.id} --files DIR` copies it"
        raise NoModel(f"what code of your own saved is for its own framework to export: {way_out}")
    how = wanted or ENDINGS.get(path.suffix, "huggingface" if sweep.workload == LANGUAGE else "onnx")
    if how == "huggingface" and sweep.workload != LANGUAGE:
        others = ", ".join(name for name in FORMATS if name != how)
        raise NoModel(f"a champion of {sweep.workload} has no network of Hugging Face's: --format {others}")
    if how != "huggingface" and path.exists():
        raise NoModel(f"{path} is there already{', a folder' if path.is_dir() else ''}: name a new file")
    open_models_of(sweep.tracking.uri)
    search = prepare(sweep.data, sweep.problem).search
    if sweep.workload == LANGUAGE:
        if how != "huggingface":
            why = f"texts are divided into tokens, which {how} cannot do"
            raise NoModel(f"{why}: name a folder, such as {path.stem}, or --format huggingface")
        return _folder(kind.champions.get(search.problem) or str(kind.champion), uri, search, path)
    if search.sentences:
        raise NoModel(f"a champion of sentences takes texts, which {how} cannot divide into tokens: {WITH_PYTHON}")
    if search.train.columns:
        raise NoModel(f"a table's champion has a pipeline of scikit-learn's before it: {WITH_PYTHON}")
    return _file(read, uri, search, (how, path))


def _file(read: Reading, uri: str, search: SearchData, to: tuple[Format, Path]) -> str:
    from workloads.champion.export import export  # 1,300 ms: torch
    from workloads.champion.onnx_file import NotExportable, write_onnx  # 1,300 ms: torch
    from workloads.champion.torch_files import write_pt2, write_safetensors  # 1,300 ms: torch

    how, path = to
    try:
        model, inputs = export(read.sweep.workload, uri, search)
        if how == "onnx":
            difference = write_onnx(model, inputs, path)
        elif how == "pt2":
            difference = write_pt2(model, inputs, path)
        else:
            again, _ = export(read.sweep.workload, uri, search)
            blank = copy.deepcopy(again)
            for one in blank.parameters():
                one.zero_()
            difference = write_safetensors(model, blank, inputs, _about(read, uri, model, inputs), path)
    except NotExportable as error:
        raise NoModel(str(error)) from error
    return f"{_words(how, path)}; agrees with {'torch' if how == 'onnx' else 'the champion'} to {difference:.1g}"


def _words(how: Format, path: Path) -> str:
    if how == "onnx":
        return "input x, output y, any number of rows"
    if how == "pt2":
        return "torch.export.load(FILE).module()(x), any number of rows"
    return f"weights; {path.with_suffix('.json')} says how to build the network and to prepare its inputs"


def _about(read: Reading, uri: str, model: Any, inputs: Any) -> dict[str, Any]:
    """Return what someone without Paceline must know to use the weights."""
    card, progress = card_of(read), checkpoint.progress(uri)
    return {
        "sweep": read.home.id,
        "workload": read.sweep.workload,
        "hyperparameters": stored(complete(described(read.sweep.workload).hyperparameters, progress.params)),
        "network": str(model).splitlines(),
        "preparation": "of an input: (x - preprocess.mean) / preprocess.std, after missing values became "
        "preprocess.fill; images are 0 to 255 as they are in the file",
        "input": {"shape": ["rows", *inputs.shape[1:]], "type": str(inputs.dtype)},
        "outputs": "logits of the classes, in this order"
        if card.get("classes")
        else "numbers in the target's units",
        "classes": list(card.get("classes", ())),
        "target": {"mean": getattr(model, "mean", 0.0), "std": getattr(model, "std", 1.0)},
        "data": {"name": card.get("name"), "digest": card.get("digest"), "details": dict(card.get("details", {}))},
    }


def _folder(module: str, uri: str, search: SearchData, path: Path) -> str:
    from workloads.champion.encoders.written import NotWritten, write_folder  # 1,300 ms: torch

    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise NoModel(f"{path} is there already: name a new folder")
    try:
        champion, examples = importlib.import_module(module).made(LANGUAGE, uri, search)
        written = write_folder(champion, examples, path)
    except NotWritten as error:
        raise NoModel(str(error)) from error
    shown = ", ".join(f"{name} ({size / 2**20:.1f} MiB)" for name, size in written.sizes.items() if size > 2**16)
    what = f"for Hugging Face's transformers: {shown}"
    return f"{what}; agrees with the champion to {written.difference:.1g}"


def _checkpoint(read: Reading) -> str:
    """Return the URI of the champion's last checkpoint that holds the weights of a best epoch, a final member's."""
    home, verdict = read.home, read.facts.verdict
    if verdict is None:
        raise NoModel(why_none(read))
    of_winner = f"{home.checkpoints}/{trial_key(verdict['winner']['number'])}-s"
    for uri in sorted(checkpoint.found(home.checkpoints), reverse=True):
        if uri.startswith(of_winner) and checkpoint.progress(uri).curves is not None:  # which final members keep
            return uri
    raise NoModel(f"the champion's checkpoint is not in {home.checkpoints} any more")
