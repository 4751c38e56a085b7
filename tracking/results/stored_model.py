"""A sweep's registered model as files, which are used only while they are as they were registered."""

from __future__ import annotations

import atexit
import importlib
import json
import shutil
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from tracking import names
from tracking.results.model_digest import DIGEST, refuse_changed
from tracking.results.model_files import PYTHON
from tracking.results.registered_model import tracking_at, versions_of
from tracking.results.safe_model import safe_settings
from tracking.store.errors import sorted_trouble
from tracking.store.open import open_mlflow

EXAMPLE = "serving_input_example.json"


@dataclass(frozen=True, kw_only=True)
class StoredModel:
    """A registered version, and a copy of its files."""

    name: str
    version: str
    tags: Mapping[str, str]
    path: Path

    @property
    def uri(self) -> str:
        """The version's URI in MLflow."""
        return f"models:/{self.name}/{self.version}"

    @property
    def checked(self) -> bool:
        """Whether its files could be compared; those of earlier releases have no digest."""
        return DIGEST in self.tags

    @cached_property
    def about(self) -> Any:
        """What MLflow's file ``MLmodel`` says: flavors and signature."""
        from mlflow.models import Model

        return Model.load(str(self.path))

    @property
    def loader(self) -> str:
        """Name of the module that loads it."""
        return str(self.about.flavors.get(PYTHON, {}).get("loader_module", ""))

    @property
    def data(self) -> Path:
        """The folder that the loader reads."""
        return self.path / str(self.about.flavors.get(PYTHON, {}).get("data", ""))

    @property
    def example(self) -> str | None:
        """A request of a scoring server with a few rows of the training split, as JSON; None where none is kept."""
        file = self.path / EXAMPLE
        return json.dumps(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else None

    def loaded(self) -> Any:
        """Return it as MLflow's pyfunc."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "IProgress not found")  # of a progress bar that needs ipywidgets
            importlib.import_module("tqdm.auto")  # MLflow imports it, and it warns then
        import mlflow

        with safe_settings():
            return mlflow.pyfunc.load_model(str(self.path))


def stored_model(uri: str | None, name: str, sweep_id: str, folder: Path) -> StoredModel:
    """Copy the newest model that the sweep has registered under ``name`` into ``folder``.

    Raises LookupError where there is none, ChangedModel where its files are others than those that were registered,
    Refused or, while the store cannot be reached, Away.
    """
    import mlflow

    store = open_mlflow(uri)
    with sorted_trouble(), tracking_at(store.uri), safe_settings():
        of_sweep = [v for v in versions_of(store.client, name) if v.tags.get(names.SWEEP_ID) == sweep_id]
        if not of_sweep:
            raise LookupError(f"sweep {sweep_id} has registered no model")
        newest = max(of_sweep, key=lambda v: int(v.version))
        place = f"models:/{name}/{newest.version}"
        path = mlflow.artifacts.download_artifacts(place, dst_path=str(folder))
    refuse_changed(Path(path), place, newest.tags)
    return StoredModel(name=name, version=str(newest.version), tags=newest.tags, path=Path(path))


def load_champion(uri: str | None, name: str, sweep_id: str) -> Any:
    """Return the model that the sweep has registered under ``name``, the newest of it, as MLflow's pyfunc.

    Raises as ``stored_model``.
    """
    folder = mkdtemp(prefix="paceline-model-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # a user's predict may read it at any time
    return stored_model(uri, name, sweep_id, Path(folder)).loaded()
