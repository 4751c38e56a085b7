"""One real sweep of two players: pictures with every trial, a judged winner, and a generator that is served."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.helpers.commands import agree
from tests.helpers.small_sweep_in_mlflow import runs_of
from tests.helpers.sweep_here import Here
from tracking.results.safe_model import load
from tracking.store.open import open_mlflow

pytestmark = pytest.mark.slow

SPEC = """
name: tiny-gan
workload: gan
data: {name: digits}
parameters:
  variant: {values: [dcgan, conditional]}
  batch_size: 128
  width: 4
  latent: 8
method: grid
epochs: 2
early_terminate: none
final: {top: 1, seeds: 2}
"""


@pytest.mark.soak  # in the short form every example is trained, a GAN among them
def test_a_sweep_of_two_players(tmp_path: Path) -> None:
    folder = Here(tmp_path)
    folder.write(SPEC)
    document = folder.document("run", "sweep.yaml")
    agree(folder, document, 2)
    assert [set(trial["beside"]) for trial in document["trials"]] == [{"val_class_coverage"}] * 2
    assert document["verdict"]["metric"] == "test_frechet_distance"
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = open_mlflow(uri).client
    runs = runs_of(uri, document["sweep"])
    for number in range(2):
        [run] = runs[f"t{number:04d}"]
        paths = [item.path for item in client.list_artifacts(run.info.run_id, "samples")]
        assert paths == ["samples/e0001.png", "samples/e0002.png"]
        picture = Path(client.download_artifacts(run.info.run_id, paths[1], str(tmp_path))).read_bytes()
        assert Image.open(io.BytesIO(picture)).size == (8 * 33 - 1, 8 * 33 - 1)
    finals = [run for key, found in runs.items() if "-" in key for run in found]
    assert all(0 <= run.data.metrics["test_class_coverage"] <= 1 for run in finals)
    generator = load(uri, "models:/tiny-gan@champion")
    winner = document["verdict"]["winner"]["params"]
    num_inputs = 8 + 10 * (winner["variant"] == "conditional")
    images = generator(torch.randn(5, num_inputs))
    assert images.shape == (5, 1, 8, 8)
    assert images.min() >= 0 and images.max() <= 16
