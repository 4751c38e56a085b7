"""A champion as a graph of torch.export and as safetensors: both agree with it, elsewhere, or are not there."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import torch

from tests.helpers.workload_data import search_data
from tests.workloads.champion.test_onnx import Noisy, exported
from workloads.champion.onnx_file import NotExportable
from workloads.champion.torch_files import write_pt2, write_safetensors


def test_a_fresh_process_predicts_the_same_from_the_graph(tmp_path: Path) -> None:
    model, inputs = exported("cnn")
    assert write_pt2(model, inputs, tmp_path / "model.pt2") < 1e-4  # type: ignore[arg-type]
    found = torch.export.load(tmp_path / "model.pt2").module()
    more = torch.from_numpy(search_data().train.x[:7].copy())
    with torch.inference_mode():
        torch.testing.assert_close(found(more), model(more), rtol=1e-3, atol=1e-4)


def test_weights_say_how_they_are_used(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    model, inputs = exported("softmax")
    blank = copy.deepcopy(model)
    for one in blank.parameters():
        one.data.zero_()
    file = tmp_path / "model.safetensors"
    assert write_safetensors(model, blank, inputs, {"classes": ["a"]}, file) == 0  # type: ignore[arg-type]
    told, weights = json.loads(file.with_suffix(".json").read_text()), load_file(file)
    assert told["classes"] == ["a"]
    assert set(told["tensors"]) == set(weights) == set(model.state_dict())
    with pytest.raises(NotExportable, match="is there already"):
        write_safetensors(model, blank, inputs, {}, file)  # type: ignore[arg-type]


def test_what_differs_leaves_no_file(tmp_path: Path) -> None:
    x = search_data().train.x[:4].astype("float32")
    with pytest.raises(NotExportable, match="differs from the champion"):
        write_pt2(Noisy(), x, tmp_path / "model.pt2")
    with pytest.raises(NotExportable, match="differs from the champion"):
        write_safetensors(Noisy(), Noisy(), x, {}, tmp_path / "model.safetensors")
    assert not list(tmp_path.iterdir())
