"""The winner's model: logged once, registered once, found by the alias ``champion``. Imports no torch itself."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from tracking import names
from tracking.store.errors import sorted_trouble
from tracking.store.open import open_mlflow, resolve

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from mlflow import MlflowClient
    from numpy.typing import NDArray

ARTIFACT = "model"


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """What is to be registered: the name to register under, and the sweep and run that it comes from."""

    name: str
    sweep_id: str
    run_id: str
    metadata: dict[str, str]
    """Kept as the version's tags: the metric, the score, the hyperparameters."""


@dataclass(frozen=True)
class Example:
    """A batch of inputs and what the model makes of it: for the signature and for tracing the graph."""

    inputs: NDArray[np.generic] | pd.DataFrame
    outputs: NDArray[np.generic] | pd.DataFrame


@dataclass(frozen=True)
class Folder:
    """A model as files, for what is more than one ``nn.Module``."""

    path: str
    loader: str
    """The module whose ``_load_pyfunc(path)`` gives an object with ``predict``."""
    packages: tuple[str, ...]
    """What it needs beside Paceline, of the versions that are here."""


@dataclass(frozen=True, kw_only=True)
class Registered:
    """A registered model. ``mlflow.pyfunc.load_model(uri).predict(rows)`` serves it.

    One that was logged as a module is also given by ``mlflow.pytorch.load_model(uri)``.
    """

    name: str
    version: str
    uri: str


def register(uri: str | None, candidate: Candidate, model: Any, example: Example) -> Registered:
    """Logs ``model`` (an ``nn.Module`` in evaluation mode on the CPU, or a Folder) and registers it as champion.

    ``example`` holds at least 2 inputs (a batch of 1 would fix the batch size in the exported graph). A
    second call for the same run makes no second version: it finds the first and sets the alias, and where a death
    came between, it goes on from what has been logged. A sweep that went on to another winner gets one more
    version. The run is FINISHED behind it. Raises Away while the store cannot be reached.
    """
    assert len(example.inputs) >= 2, len(example.inputs)
    store = open_mlflow(uri)
    with sorted_trouble(), _tracking_at(store.uri):
        found = _found(store.client, candidate)
        number = _log(store.client, candidate, model, example) if found is None else found
        store.client.set_registered_model_alias(candidate.name, names.CHAMPION, number)
    return Registered(name=candidate.name, version=number, uri=f"models:/{candidate.name}@{names.CHAMPION}")


def load(uri: str | None, model_uri: str) -> Any:
    """The registered model as a module that takes a batch of any size; torch must be there."""
    import mlflow

    with sorted_trouble(), _tracking_at(resolve(uri)):
        return mlflow.pytorch.load_model(model_uri)


def _found(client: MlflowClient, candidate: Candidate) -> str | None:
    quoted = candidate.name.replace("'", "\\'")
    versions = client.search_model_versions(f"name = '{quoted}'")
    return next((str(v.version) for v in versions if v.run_id == candidate.run_id), None)


def _log(client: MlflowClient, candidate: Candidate, model: Any, example: Example) -> str:
    model_id, uri = _logged(client, candidate) or _log_anew(candidate, model, example)
    tags = {**candidate.metadata, names.SWEEP_ID: candidate.sweep_id}
    _ensure_name(client, candidate.name)
    made = client.create_model_version(candidate.name, uri, candidate.run_id, tags=tags, model_id=model_id)
    return str(made.version)


def _logged(client: MlflowClient, candidate: Candidate) -> tuple[str, str] | None:
    """The run's model (its ID and URI) if a call that died had logged it; what is only half there is deleted."""
    from mlflow.entities import LoggedModelStatus

    experiment_id = client.get_run(candidate.run_id).info.experiment_id
    found = None
    for model in client.search_logged_models([experiment_id], f"source_run_id = '{candidate.run_id}'"):
        if model.name == ARTIFACT and model.status == LoggedModelStatus.READY:
            found = model.model_id, model.model_uri
        elif model.name == ARTIFACT:
            client.delete_logged_model(model.model_id)
    return found


def _log_anew(candidate: Candidate, model: Any, example: Example) -> tuple[str, str]:
    import mlflow

    with mlflow.start_run(run_id=candidate.run_id, nested=True):
        logged = _log_folder(model, example) if isinstance(model, Folder) else _log_module(model, example)
    return str(logged.model_id), str(logged.model_uri)


def _log_module(model: Any, example: Example) -> Any:
    import mlflow
    from mlflow.models import infer_signature

    return mlflow.pytorch.log_model(
        model,
        name=ARTIFACT,
        signature=infer_signature(example.inputs, example.outputs),
        input_example=example.inputs,
        pip_requirements=_pinned(("torch", "numpy")),
    )


def _log_folder(model: Folder, example: Example) -> Any:
    """Columns of any type: MLflow's own would refuse whole numbers where the first rows had fractions."""
    import mlflow
    from mlflow.models import ModelSignature, infer_signature
    from mlflow.types.schema import AnyType, ColSpec, Schema

    any_type = AnyType()  # type: ignore[no-untyped-call]
    inputs = Schema([ColSpec(any_type, name, required=False) for name in example.inputs])
    outputs = infer_signature(example.inputs, example.outputs).outputs
    return mlflow.pyfunc.log_model(
        name=ARTIFACT,
        loader_module=model.loader,
        data_path=model.path,
        signature=ModelSignature(inputs, outputs),
        input_example=example.inputs,
        pip_requirements=_pinned(("paceline", *model.packages)),
    )


def _pinned(packages: Sequence[str]) -> list[str]:
    """Left out, MLflow would find them by importing the model in another process: 7 s instead of 0.4.

    What runs from its sources, as Paceline may, has no version to ask for.
    """
    found: list[str] = []
    for name in packages:
        with suppress(PackageNotFoundError):
            found.append(f"{name}=={version(name)}")
    return found


def _ensure_name(client: MlflowClient, name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


@contextmanager
def _tracking_at(uri: str) -> Iterator[None]:
    """MLflow's model calls know only the process's store: it is set for them and put back."""
    import mlflow

    before, variable = mlflow.get_tracking_uri(), os.environ.get("MLFLOW_TRACKING_URI")
    mlflow.set_tracking_uri(uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(before)
        if variable is None:
            os.environ.pop("MLFLOW_TRACKING_URI", None)
