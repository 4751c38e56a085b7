"""Loads a module from MLflow without unpickling: a pickle runs whatever code its author put into it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from tracking.results.model_digest import refuse_changed
from tracking.results.registered_model import tracking_at
from tracking.results.versions import REGISTERED
from tracking.store.errors import sorted_trouble
from tracking.store.open import open_mlflow, resolve

PICKLES: Final = "MLFLOW_ALLOW_PICKLE_DESERIALIZATION"
SETTINGS: Final = {PICKLES: "false", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}
"""MLflow's while a model is loaded: no pickles, those inside of a saved graph, too, and no bars among the lines."""
TORCH: Final = "mlflow.pytorch.log_model(..., serialization_format='pt2')"
WAY_OUT: Final = (
    f"save its weights by torch.save(model.state_dict(), FILE) and name that file, or register it anew by {TORCH}"
)
OF_ALL: Final = "python_function"
"""Flavor that MLflow gives models of any library."""


class UnsafeModel(Exception):
    """Error: the model is none of torch's, or to load it would run code that it brings along."""


def load(uri: str | None, model_uri: str) -> Any:
    """Return the registered model as an ``nn.Module`` that takes a batch of any size. Needs torch.

    Raises UnsafeModel where it was not saved as a graph with tensors alone, and as ``unchanged_files``.
    """
    import mlflow
    from mlflow.models import Model

    with TemporaryDirectory() as folder, sorted_trouble(), tracking_at(resolve(uri)), safe_settings():
        path = unchanged_files(uri, model_uri, Path(folder))
        refuse_code(path, Model.load(path).flavors)
        return mlflow.pytorch.load_model(str(path))


def unchanged_files(uri: str | None, model_uri: str, folder: Path) -> Path:
    """Copy a model's files into ``folder`` and return where they are.

    Raises ChangedModel where they are not those that a sweep has registered as this version, Refused or Away.
    """
    import mlflow

    name, _, number = model_uri.removeprefix(REGISTERED).partition("/")
    with sorted_trouble(), tracking_at(resolve(uri)), safe_settings():
        path = Path(mlflow.artifacts.download_artifacts(model_uri, dst_path=str(folder)))
        if model_uri.startswith(REGISTERED) and number.isdigit():
            refuse_changed(path, model_uri, open_mlflow(uri).client.get_model_version(name, number).tags)
    return path


def refuse_code(path: Path, flavors: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise UnsafeModel where MLflow would import or unpickle what the model's folder holds, or has no torch model.

    ``flavors`` are those by which MLflow can load it: libraries, and their settings.
    """
    if (flavor := flavors.get("pytorch")) is None:
        kind = " and ".join(sorted(flavors.keys() - {OF_ALL})) or "Python in general"
        raise UnsafeModel(f"it is a model of {kind}, not of torch: name one that was registered by {TORCH}")
    data = (path / str(flavor.get("model_data", "data"))).resolve()
    if flavor.get("code"):
        raise UnsafeModel(f"it brings code along, which would run as it is loaded: {WAY_OUT}")
    graph = data.is_relative_to(path.resolve()) and (data / "model.pt2").is_file()
    if not graph or (data / "model.pth").exists():
        raise UnsafeModel(f"it is saved as a pickle, which can run any code as it is loaded: {WAY_OUT}")


@contextmanager
def safe_settings() -> Iterator[None]:
    """Have MLflow load as SETTINGS say for the block."""
    before = {name: os.environ.get(name) for name in SETTINGS}
    os.environ |= SETTINGS
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
