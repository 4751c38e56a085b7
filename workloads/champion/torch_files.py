"""Writes a trained network as files that torch, or any reader of safetensors, loads without Paceline."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import nn

from search_spaces.types.error_text import first_line
from workloads.arrays import Array
from workloads.champion.onnx_file import ATOL, RTOL, NotExportable
from workloads.training.batches import tensor

FRESH = """
import sys, numpy, torch
found = torch.export.load(sys.argv[1]).module()(torch.from_numpy(numpy.load(sys.argv[2])))
numpy.save(sys.argv[3], found.detach().numpy())
"""
"""Program that loads a graph and predicts, without Paceline."""


def write_pt2(model: nn.Module, inputs: Array, path: Path) -> float:
    """Write ``model`` as a graph of ``torch.export`` that takes any number of rows.

    Returns the largest difference between the graph, loaded in a fresh process, and the model on ``inputs`` (2 rows
    or more). Raises NotExportable, and leaves no file, where the graph cannot be traced or differs.
    """
    example = tensor(inputs)
    try:
        program = torch.export.export(model, (example,), dynamic_shapes=({0: torch.export.Dim("rows")},))
    except Exception as error:  # the exporter raises what its passes raise
        raise NotExportable(f"torch cannot trace this model: {first_line(error)}") from error
    with TemporaryDirectory() as folder:
        made, rows, answer = (Path(folder, name) for name in ("model.pt2", "rows.npy", "answer.npy"))
        torch.export.save(program, made)
        more = np.concatenate([example.numpy(), example.numpy()[:1]])  # another number of rows than was traced
        np.save(rows, more)
        command = [sys.executable, "-I", "-c", FRESH, str(made), str(rows), str(answer)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or ["no reason"])[-1]
            raise NotExportable(f"a fresh process cannot load the graph: {last}")
        difference = _difference(np.load(answer), model, more, "the loaded graph")
        path.write_bytes(made.read_bytes())
    return difference


def write_safetensors(
    model: nn.Module, again: nn.Module, inputs: Array, about: Mapping[str, Any], path: Path
) -> float:
    """Write the weights of ``model`` to ``path``, and ``about`` as JSON beside it, which says how to use them.

    ``again`` is the same network with other weights, into which they are read for a comparison on ``inputs``.
    Returns the largest difference. Raises NotExportable, and leaves no file, where the two differ.
    """
    from safetensors.torch import load_file, save_file

    beside = path.with_suffix(".json")
    if beside.exists():
        raise NotExportable(f"{beside} is there already: name another file")
    weights = {name: value.detach().clone().contiguous() for name, value in model.state_dict().items()}
    try:
        save_file(weights, path)
        again.load_state_dict(load_file(path))
        difference = _difference(again.eval()(tensor(inputs)).detach().numpy(), model, inputs, "what was written")
        tensors = {name: {"shape": list(one.shape), "type": str(one.dtype)} for name, one in weights.items()}
        beside.write_text(json.dumps({**about, "tensors": tensors}, indent=1), encoding="utf-8")
    except BaseException:
        path.unlink(missing_ok=True)
        beside.unlink(missing_ok=True)
        raise
    return difference


@torch.inference_mode()
def _difference(found: Array, model: nn.Module, inputs: Array, what: str) -> float:
    """Return the largest difference to what the model says. Raises NotExportable where it is too large."""
    expected = model(tensor(inputs)).numpy()
    difference = float(np.abs(found - expected).max())
    if not np.allclose(found, expected, RTOL, ATOL):
        raise NotExportable(f"{what} differs from the champion by up to {difference:.2g}")
    return difference
