"""A champion's text encoder: found where it is now, refused where it is not, written for other libraries."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.helpers.language_champion import champion, small_encoder
from workloads.arrays import DataError
from workloads.champion.encoders.folder import write_encoder
from workloads.champion.language_model import load
from workloads.files import mlflow_models
from workloads.layers.text_codes import padded
from workloads.models.language.hyperparameters import LanguageHyperparameters
from workloads.models.language.pretrained import Encoder, encoder_of, tokens_of

TEXTS = ["fine aaa", "", "bbb 😀"]


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
    seen, expected = vectors(made.encoder), made.predict(TEXTS)
    write_encoder(load(tmp_path / "saved"), tmp_path / "out")
    torch.testing.assert_close(vectors(tmp_path / "out"), seen, rtol=0, atol=1e-5)
    assert torch.allclose(seen, vectors(small), atol=1e-5) == (mode == "features")
    write_encoder(made, tmp_path / "merged")
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
