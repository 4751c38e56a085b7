"""Writes a trained model as an ONNX file, for runtimes without Python or torch; needs the extra ``onnx``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from search_spaces.types.error_text import first_line
from workloads.arrays import Array
from workloads.training.batches import tensor

RTOL, ATOL = 1e-3, 1e-4
"""Largest difference between ONNX's runtime and torch, relative and absolute: the order of their sums differs."""
LACKING = "this needs the extra onnx: pip install 'paceline[onnx]'"


class NotExportable(Exception):
    """Raised for a model that cannot be written as ONNX; the text is one sentence for the user."""


def write_onnx(model: nn.Module, inputs: Array, path: Path) -> float:
    """Write ``model``, in evaluation mode on the CPU, with inputs like ``inputs`` and any number of rows.

    Returns the largest difference between ONNX's runtime and torch on ``inputs`` (2 rows or more). Raises
    NotExportable, and writes no file, where the extra is not installed, torch cannot translate the model, or the
    difference is too large.
    """
    try:
        import onnxruntime
        import onnxscript  # noqa: F401 - torch's exporter asks for it late
    except ImportError as error:
        raise NotExportable(f"{LACKING} ({error})") from error
    assert len(inputs) >= 2, len(inputs)
    example = tensor(inputs)
    rows = {0: torch.export.Dim("rows")}
    try:
        program = torch.onnx.export(
            model,
            (example,),
            dynamo=True,
            dynamic_shapes=(rows,),
            input_names=["x"],
            output_names=["y"],
            verbose=False,
        )
    except Exception as error:  # the exporter raises what its passes raise
        raise NotExportable(f"torch cannot translate this model: {first_line(_root(error))}") from error
    assert program is not None
    content = program.model_proto.SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    with torch.inference_mode():
        expected, again = model(example).numpy(), model(example).numpy()
    if not np.array_equal(expected, again, equal_nan=True):
        raise NotExportable("its outputs are drawn at random in evaluation, too, so that they cannot be compared")
    (found,) = session.run(None, {"x": inputs})
    difference = float(np.abs(found - expected).max())
    if not np.allclose(found, expected, RTOL, ATOL):
        raise NotExportable(f"ONNX's runtime differs from torch by up to {difference:.2g}")
    path.write_bytes(content)
    return difference


def _root(error: BaseException) -> BaseException:
    """Return the first cause of an error: the exporter's own text ends in advice to developers."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error
