"""ONNX: every workload's export agrees with its model in ONNX's own runtime."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.helpers.workload_data import SMALL, search_data, trainee
from workloads.champion.export import Exported
from workloads.champion.onnx_file import NotExportable, write_onnx
from workloads.registry import workload

QUICK = ("softmax", "cnn", "recurrent")
"""One without hidden layers, one with convolutions, one that loops over steps."""


def exported(name: str) -> tuple[torch.nn.Module, object]:
    kind, hp, search = workload(name), trainee(name).hp, search_data()
    data = kind.data(hp, search, torch.device("cpu"), torch.float32)
    model = kind.build(hp, data.shape).eval().requires_grad_(False)
    if kind.export is not None:
        module, inputs = kind.export(hp, model, data)
        return module.eval(), inputs
    return Exported(data.prepare, model, data.shape).eval(), search.train.x[:4].copy()


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.soak) for name in SMALL]
)
def test_the_runtime_agrees_with_torch_for_any_number_of_rows(tmp_path: Path, name: str) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="pip install 'paceline[onnx]'")
    pytest.importorskip("onnxscript", reason="pip install 'paceline[onnx]'")
    model, inputs = exported(name)
    write_onnx(model, inputs, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    more = search_data().train.x[:7].copy()
    [found] = session.run(None, {"x": more})
    with torch.inference_mode():
        torch.testing.assert_close(torch.from_numpy(found), model(torch.from_numpy(more)), rtol=1e-3, atol=1e-4)


def test_a_model_that_torch_cannot_translate_leaves_no_file(tmp_path: Path) -> None:
    class Branching(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x if x.sum() > 0 else -x

    with pytest.raises(NotExportable, match=r"cannot translate|needs the extra onnx"):
        write_onnx(Branching(), search_data().train.x[:4].astype("float32"), tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


class Noisy(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.rand_like(x)


@pytest.mark.parametrize(
    ("model", "told"),
    [(torch.nn.RReLU(), "No ONNX function found for .*rrelu"), (Noisy(), "drawn at random in evaluation")],
)
def test_why_a_model_has_no_file_is_told_by_its_cause(model: torch.nn.Module, told: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="pip install 'paceline[onnx]'")
    with pytest.raises(NotExportable, match=told):
        write_onnx(model.eval(), torch.zeros(3, 2).numpy(), tmp_path / "model.onnx")
