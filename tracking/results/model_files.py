"""A model's files in MLflow, which are read and never loaded: to load them may run what others wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracking import names
from tracking.results.registered_model import tracking_at
from tracking.results.safe_model import safe_settings, unchanged_files
from tracking.results.versions import REGISTERED
from tracking.store.errors import Refused, sorted_trouble
from tracking.store.open import open_mlflow, resolve

PYTHON = "python_function"
"""Flavor of models of any library."""


@dataclass(frozen=True)
class ModelCard:
    """What MLflow says of a model without its weights."""

    uuid: str
    """Unlike a name and a version never that of another model."""
    flavors: Mapping[str, Mapping[str, Any]]
    """Settings of the libraries by which MLflow can load it."""

    @property
    def loader(self) -> str:
        """Name of the module that loads it as a function of Python; empty where there is none."""
        return str(self.flavors.get(PYTHON, {}).get("loader_module", ""))

    @property
    def data(self) -> str:
        """Folder of what that module loads, within the model's."""
        return str(self.flavors[PYTHON].get("data", ""))


def card_of(uri: str | None, model_uri: str) -> ModelCard:
    """Return what the store ``uri`` says of a model. Raises Refused or Away."""
    from mlflow.models import Model

    with sorted_trouble(), tracking_at(resolve(uri)), safe_settings():
        found = Model.load(model_uri)
    return ModelCard(str(found.model_uuid), found.flavors)


def downloaded(uri: str | None, model_uri: str, folder: Path) -> Path:
    """Copy a model's files into ``folder`` and return where they are. Raises ChangedModel, Refused or Away."""
    with safe_settings():
        return unchanged_files(uri, model_uri, folder)


def splits_of(uri: str | None, model_uri: str) -> str | None:
    """Return the data card and row numbers, as JSON, of the sweep that registered ``models:/NAME/VERSION``.

    None of a model that no sweep has registered. Raises Refused, also where its run keeps none, or Away.
    """
    import mlflow

    name, _, number = model_uri.removeprefix(REGISTERED).partition("/")
    if not number:
        return None
    store = open_mlflow(uri)
    with sorted_trouble(), tracking_at(store.uri):
        version = store.client.get_model_version(name, number)
        if names.SWEEP_ID not in version.tags:
            return None
        at: str | None = version.run_id
        while at is not None:
            run = store.client.get_run(at)
            at = run.data.tags.get(names.PARENT_RUN)
        if not any(file.path == names.SPLITS_FILE for file in store.client.list_artifacts(run.info.run_id)):
            raise Refused(f"the run of its sweep has no {names.SPLITS_FILE}")
        text: str = mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/{names.SPLITS_FILE}")
        return text
