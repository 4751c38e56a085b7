"""What a model makes, as small files for its run: taken from the workload, checked, and packed for the way."""

from __future__ import annotations

import base64
import traceback
from collections.abc import Mapping
from pathlib import PurePosixPath

import torch
from torch import nn

from search_spaces.race.legs import Exhibit
from workloads.training.setup import Setup

MAX_BYTES = 2**19
"""Of all files that one member shows at one time: they travel with its report."""
FAILURE = "exhibit_failed.txt"


@torch.no_grad()
def exhibits(setup: Setup, model: nn.Module, epoch: int, key: str) -> list[Exhibit]:
    """The files of the member ``key`` after ``epoch``; ``model`` is in evaluation mode.

    They only illustrate, so code that raises stops no training: its traceback is the exhibit then. Files past the
    bound of bytes are left out, and a text in their place says so.
    """
    assert setup.workload.exhibit is not None
    try:
        files = _bounded(setup.workload.exhibit(setup, model, epoch))
    except Exception:  # noqa: BLE001 - told whole to the user, where the exhibit would have been
        files = {FAILURE: traceback.format_exc().encode()}
    return [Exhibit(key=key, path=path, content=base64.b64encode(c).decode()) for path, c in files.items()]


def _bounded(files: Mapping[str, bytes]) -> dict[str, bytes]:
    kept: dict[str, bytes] = {}
    room = MAX_BYTES
    for path, content in files.items():
        parts = PurePosixPath(path).parts
        if not parts or parts[0] == "/" or ".." in parts:
            raise ValueError(f"an exhibit's path must lead into the run's artifacts: {path!r}")
        if len(content) > room:
            note = f"{len(content)} bytes were left out: an epoch's exhibits may have {MAX_BYTES} together\n"
            kept[f"{path}.left_out.txt"] = note.encode()
            continue
        kept[path] = content
        room -= len(content)
    return kept
