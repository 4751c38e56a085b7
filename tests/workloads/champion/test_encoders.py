"""A champion's text encoder: found where it is now, refused where it is not, written for other libraries."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from tests.helpers.language_champion import champion, small_encoder
from workloads.arrays import Column, DataError, DataShape
from workloads.champion.causal.continuations import Continuations
from workloads.champion.encoders.folder import write_network
from workloads.champion.encoders.predict import Model
from workloads.champion.encoders.written import NotWritten, write_folder
from workloads.champion.language_model import load
from workloads.champion.table_model import Card
from workloads.files import mlflow_models
from workloads.layers.text_codes import padded
from workloads.models.language.causal.tokens import CausalTokens
from workloads.models.language.causal.tuned import TunedDecoder
from workloads.models.language.hyperparameters import LanguageHyperparameters
from workloads.models.language.pretrained import Encoder, encoder_of, tokens_of

TEXTS = ["fine aaa", "", "bbb 😀", " cafe\u0301 "]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny encoder."""
    return small_encoder(tmp_path_factory.mktemp("encoder"))


def vectors(encoder: Encoder | Path) -> torch.Tensor:
    """Vectors of ``TEXTS`` by an encoder, or by that in a folder."""
    codes = padded(tokens_of("none", 16).coded([(text,) for text in TEXTS]))
    if isinstance(encoder, Path):
        encoder = encoder_of(LanguageHyperparameters(model=str(encoder)))
    with torch.inference_mode():
        found: torch.Tensor = encoder(codes)
    return found


@pytest.mark.parametrize("mode", ["features", "full", "lora"])
def test_the_written_encoder_gives_the_champion_s_vectors(small: Path, tmp_path: Path, mode: str) -> None:
    made = champion(small, tmp_path, mode=mode, lr=0.01, encoder_lr_ratio=1.0)
    made.save(tmp_path / "saved")
    seen, expected = vectors(made.network), made.predict(TEXTS)
    write_network(load(tmp_path / "saved"), tmp_path / "out")
    assert json.loads((tmp_path / "out" / "tokenizer_config.json").read_text())["split_special_tokens"] is True
    torch.testing.assert_close(vectors(tmp_path / "out"), seen, rtol=0, atol=1e-5)
    assert torch.allclose(seen, vectors(small), atol=1e-5) == (mode == "features")
    write_network(made, tmp_path / "merged")
    np.testing.assert_allclose(made.predict(TEXTS)["a"], expected["a"], rtol=0, atol=1e-5)


def test_a_champion_whose_encoder_was_moved_is_refused_with_the_way_out(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = shutil.copytree(small, tmp_path / "here")
    made = champion(here, tmp_path / "sweep", mode="lora")
    made.save(tmp_path / "saved")
    expected = made.predict(TEXTS)
    here.rename(tmp_path / "there")
    with pytest.raises(DataError, match=r"0 MiB, is not saved with it.*there is no folder.*set PACELINE_ENCODER"):
        load(tmp_path / "saved")
    monkeypatch.setenv("PACELINE_ENCODER", str(tmp_path / "there"))
    np.testing.assert_allclose(load(tmp_path / "saved").predict(TEXTS)["a"], expected["a"], rtol=0, atol=1e-6)
    monkeypatch.setenv("PACELINE_ENCODER", str(small_encoder(tmp_path / "bad")))
    (tmp_path / "bad" / "config.json").write_text((small / "config.json").read_text().replace('"gelu"', '"relu"'))
    with pytest.raises(DataError, match="is another one than that of the training: put it back"):
        load(tmp_path / "saved")


@pytest.mark.parametrize(("mode", "of_mlflow"), [("full", False), ("features", True), ("lora", True)])
def test_a_champion_of_a_whole_encoder_or_of_mlflow_s_needs_no_other_folder(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, of_mlflow: bool
) -> None:
    here = shutil.copytree(small, tmp_path / "here")
    monkeypatch.setattr(mlflow_models, "open_encoder", {"models:/it/1": here}.__getitem__)
    made = champion("models:/it/1" if of_mlflow else here, tmp_path / "sweep", mode=mode, skipped_layers=1)
    made.save(tmp_path / "saved")
    shutil.rmtree(here)
    monkeypatch.setattr(mlflow_models, "open_encoder", None)
    found = load(tmp_path / "saved")
    np.testing.assert_allclose(found.predict(TEXTS)["a"], made.predict(TEXTS)["a"], rtol=0, atol=1e-5)
    assert ("peft" in found.packages) == (mode == "lora")


WAYS: list[dict[str, Any]] = [{"mode": "lora", "pooling": "first"}, {"mode": "features", "pooled_layers": 2}]


@pytest.mark.parametrize("way", WAYS)
def test_a_champion_is_written_for_transformers(small: Path, tmp_path: Path, way: dict[str, Any]) -> None:
    made = champion(small, tmp_path / "sweep", lr=0.01, **way)
    expected = made.predict(TEXTS)
    written = write_folder(made, pd.DataFrame({"review": TEXTS}), tmp_path / "out")
    assert written.difference < 1e-4 and written.sizes["model.safetensors"] > 10_000
    found = Model(tmp_path / "out")(TEXTS).softmax(1)
    np.testing.assert_allclose(found, expected[list("abc")], rtol=0, atol=1e-4)
    with pytest.raises(ValueError, match="must be a list of texts"):
        Model(tmp_path / "out")([("ab", "cd")])


@pytest.mark.soak
def test_what_was_written_predicts_without_paceline(small: Path, tmp_path: Path) -> None:
    made = champion(small, tmp_path / "sweep", mode="lora", lr=0.01)
    expected = made.predict(TEXTS)
    write_folder(made, pd.DataFrame({"review": TEXTS}), tmp_path / "out")
    command = [sys.executable, "-I", str(tmp_path / "out" / "predict.py"), *TEXTS]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line)["prediction"] for line in done.stdout.splitlines()]
    np.testing.assert_allclose([row["a"] for row in found], expected["a"], rtol=0, atol=1e-5)


def test_a_regression_is_written_in_the_target_s_units(small: Path, tmp_path: Path) -> None:
    made = champion(small, tmp_path / "sweep", mode="features")
    shape = replace(made.card.shape, num_outputs=1, target_mean=50.0, target_std=9.0)
    made = replace(made, card=replace(made.card, shape=shape, classes=()), model=torch.nn.Linear(32, 1))
    expected = made.predict(TEXTS)["prediction"]
    write_folder(made, pd.DataFrame({"review": TEXTS}), tmp_path / "out")
    found = Model(tmp_path / "out")(TEXTS)[:, 0]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3)
    assert found.mean() > 25


def test_what_differs_is_not_written(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = champion(small, tmp_path / "sweep", mode="features")
    monkeypatch.setattr(Model, "__call__", lambda self, texts: torch.zeros(len(texts), 3))
    with pytest.raises(NotWritten, match="differs from the champion by up to"):
        write_folder(made, pd.DataFrame({"review": TEXTS}), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_causal_champion_is_written_with_its_adapter_merged(tmp_path: Path) -> None:
    hp = LanguageHyperparameters(model="none", mode="lora", max_length=24)
    model = TunedDecoder(hp).eval()
    with torch.no_grad():
        for name, value in model.named_parameters():
            value += 0.1 * ("lora_B" in name)
    shape, columns = DataShape((4,), 20, "language"), (Column("text", "text"),)
    card = Card(workload="language", params=vars(hp), shape=shape, columns=columns, classes=())
    made = Continuations(card, CausalTokens.of("none", 24), model)
    expected = made.predict(TEXTS, {"max_new_tokens": 4})["prediction"]
    assert write_folder(made, pd.DataFrame({"text": TEXTS}), tmp_path / "out").difference < 1e-4
    again = replace(hp, model=str(tmp_path / "out"), mode="full")
    found = Continuations(card, CausalTokens.of(again.model, 24), TunedDecoder(again).eval())
    assert list(found.predict(TEXTS, {"max_new_tokens": 4})["prediction"]) == list(expected)
    told = json.loads((tmp_path / "out" / "tokenizer_config.json").read_text())
    assert told["split_special_tokens"] is False, "as chats of other libraries need it"
