"""Reads what a training has shown after its epochs from its run in MLflow."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory

from tracking.store.errors import sorted_trouble
from tracking.store.open import open_mlflow

FOLDER = "samples"
NAME = re.compile(r".*\be(\d+)\.png")
MAX_EPOCHS = 6
MAX_BYTES = 2**18
"""Limit on a picture that is shown."""


def samples_by_epoch(uri: str | None, run_id: str) -> dict[str, bytes]:
    """Return PNG files of samples by epoch, the first, the last and some between. Raises Refused, Away."""
    store = open_mlflow(uri)
    with sorted_trouble():
        listed = store.client.list_artifacts(run_id, FOLDER)
        found = sorted((int(name[1]), one.path) for one in listed if (name := NAME.fullmatch(one.path)))
        if len(found) > MAX_EPOCHS:
            step = (len(found) - 1) / (MAX_EPOCHS - 1)
            found = [found[round(k * step)] for k in range(MAX_EPOCHS)]
        with TemporaryDirectory() as folder:
            read = {
                str(epoch): Path(store.client.download_artifacts(run_id, path, folder)).read_bytes()
                for epoch, path in found
            }
    return {epoch: content for epoch, content in read.items() if len(content) <= MAX_BYTES}
