"""Files of a pre-trained model that do not fit each other are refused before a sweep starts, with what differs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.helpers.reviews import reviews
from workloads.arrays import DataShape, Infeasible
from workloads.models.language.hyperparameters import LanguageHyperparameters
from workloads.models.language.outline import outline
from workloads.models.language.pretrained import encoder_of, tokens_of
from workloads.models.language.workload import build, told_first

pytestmark = pytest.mark.skipif(find_spec("transformers") is None, reason="the extra language is not installed")
ROWS = DataShape((1,), 2)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny encoder."""
    folder = tmp_path_factory.mktemp("encoder")
    encoder_of(LanguageHyperparameters(model="none")).net.save_pretrained(folder)
    tokens_of("none", 128).tokenizer.save_pretrained(folder)
    return folder


def config(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        told = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**told, **changes}))

    return change


def weights(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        file = folder / "model.safetensors"
        file.write_bytes(change(file.read_bytes()))

    return write


def more_tokens(folder: Path) -> None:
    tokenizer = tokens_of("none", 128).tokenizer
    tokenizer.add_tokens(["film", "actor"])
    tokenizer.save_pretrained(folder)


def other_padding(folder: Path) -> None:
    tokenizer = tokens_of("none", 128).tokenizer
    tokenizer.pad_token = "[CLS]"
    tokenizer.save_pretrained(folder)


FAULTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "truncated": (weights(lambda raw: raw[: len(raw) // 2]), "cannot be loaded: .* (fetch its files again"),
    "damaged": (weights(lambda raw: b"\xff" * 99), "cannot be loaded"),
    "empty": (weights(lambda raw: b""), "cannot be loaded"),
    "no number": (config(hidden_size="x"), "cannot be loaded: .*'hidden_size' expected int"),
    "other width": (config(hidden_size=64), r"do not fit its config.json: .* is 32, and by config.json 64"),
    "other vocabulary": (config(vocab_size=300), "word_embeddings.weight is 258 x 32, and by config.json 300 x 32"),
    "more layers": (config(num_hidden_layers=3), r"encoder\.layer\.2\S+, .* and 13 more are missing"),
    "fewer layers": (config(num_hidden_layers=1), r"encoder\.layer\.1\S+, .* are of layers that it has not"),
    "other heads": (config(num_attention_heads=5), "not a multiple of the number of attention heads"),
    "other type": (
        config(model_type="roberta"),
        "model_type 'roberta' .* is not that of its architecture BertModel",
    ),
    "more tokens": (more_tokens, "tokens up to number 259, and the model vectors of 258 from 0 on"),
    "other padding": (other_padding, "padding is its token 1, and token 0 by config.json"),
    "no tokenizer": (lambda folder: (folder / "tokenizer.json").write_text("{"), "its tokenizer cannot be loaded"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_files_that_do_not_fit_are_refused_with_what_differs(small: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "encoder"
    shutil.copytree(small, folder)
    spoil, reason = FAULTS[name]
    spoil(folder)
    with pytest.raises(Infeasible, match=f"parameters.model: '{folder}'.*{reason.replace('(', '[(]')}") as refused:
        outline(LanguageHyperparameters(model=str(folder)), ROWS, build)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("mode", ["features", "last_layers", "full", "lora"])
def test_an_outline_is_the_network_without_its_weights(small: Path, mode: str) -> None:
    hp = LanguageHyperparameters(model=str(small), mode=mode)
    found = outline(hp, ROWS, build)
    assert all(parameter.is_meta for parameter in found.parameters())
    assert torch.get_default_device().type == "cpu"
    layers = outline(replace(hp, pooled_layers=0), ROWS, build).modules()
    heads = [layer for layer in layers if isinstance(layer, torch.nn.Linear) and layer.out_features == 2]
    assert [layer.in_features for layer in heads] == [3 * 32], "both layers and the embeddings"


def test_a_head_that_is_not_used_may_be_there_or_not(small: Path, tmp_path: Path) -> None:
    from transformers import BertConfig, BertForMaskedLM

    folder = tmp_path / "encoder"
    shutil.copytree(small, folder)
    BertForMaskedLM(BertConfig.from_pretrained(small)).save_pretrained(folder)
    encoder_of(LanguageHyperparameters(model=str(folder)))


def test_a_model_of_one_name_is_found_in_the_hubs_cache(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub._snapshot_download.constants.HF_HUB_CACHE", str(tmp_path))
    kept = tmp_path / "models--bert-tiny-uncased"
    shutil.copytree(small, kept / "snapshots" / ("a" * 40))
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text("a" * 40)
    outline(LanguageHyperparameters(model="bert-tiny-uncased"), ROWS, build)
    with pytest.raises(
        Infeasible, match=r"did you mean 'bert-tiny-uncased', .* fill \S+ by `hf download bert-tini"
    ):
        outline(LanguageHyperparameters(model="bert-tini-uncased"), ROWS, build)


def test_what_is_cut_is_told_before_the_start(tmp_path: Path) -> None:
    search = reviews(tmp_path).search
    assert told_first(LanguageHyperparameters(model="none", max_length=128), search) is None
    told = told_first(LanguageHyperparameters(model="none", max_length=20), search) or ""
    assert told.startswith("max_length: 20 cuts ") and told.endswith("% of the training texts")


def test_names_of_special_tokens_in_a_text_are_text(small: Path, tmp_path: Path) -> None:
    for folder in (small, tmp_path):
        tokenizer = tokens_of(str(folder), 64).tokenizer
        ids = tokenizer("a [CLS][PAD] b")["input_ids"]
        assert [place for place, one in enumerate(ids) if one in tokenizer.all_special_ids] == [0]
        assert tokenizer.decode(ids[1:]) == "a [CLS][PAD] b"
        tokenizer.save_pretrained(tmp_path)  # as a champion does
