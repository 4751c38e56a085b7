"""Logs and registers the champion's model in MLflow, under the alias ``champion``. Imports no torch itself."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from tracking import names
from tracking.results.model_digest import DIGEST, digest_of
from tracking.results.promotion import settled
from tracking.store.errors import sorted_trouble
from tracking.store.open import open_mlflow

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from mlflow import MlflowClient
    from numpy.typing import NDArray

ARTIFACT = "model"
MAX_DESCRIPTION: Final = 5_000
"""MLflow's limit of a version's description, in characters; only some databases refuse longer ones."""
SECTION: Final = "\n\n## "


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """Model to be registered: the name to register it under, and the sweep and run that it comes from."""

    name: str
    sweep_id: str
    run_id: str
    metadata: dict[str, str]
    """Tags of the registered version, such as trial and seed."""


@dataclass(frozen=True)
class Example:
    """A batch of inputs with the model's outputs, for the model's signature and for tracing its graph."""

    inputs: NDArray[np.generic] | pd.DataFrame
    outputs: NDArray[np.generic] | pd.DataFrame


@dataclass(frozen=True)
class Folder:
    """A model saved as files, for one that is more than a single ``nn.Module``."""

    path: str
    loader: str
    """Name of the module whose ``_load_pyfunc(path)`` returns an object with ``predict``."""
    packages: tuple[str, ...]
    """Packages that it needs; they are pinned to the installed versions."""
    code: tuple[str, ...] = ()
    """Files and folders of modules that go along with it, and are found where it is loaded."""
    takes_lists: bool = False
    """Whether rows may also be a list: then its signature has no inputs, as MLflow would look for columns in it."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """What ``predict`` takes beside rows, by name with the defaults."""


@dataclass(frozen=True, kw_only=True)
class Registered:
    """A registered model, served by ``mlflow.pyfunc.load_model(uri).predict(rows)``.

    One that was logged as an ``nn.Module`` can also be loaded by ``mlflow.pytorch.load_model(uri)``.
    """

    name: str
    version: str
    uri: str
    """By the alias ``champion`` where it is the champion, else by its version."""
    told: str | None = None
    """What users should know: which champion it has replaced, or why it has not; None: nothing."""


def register(uri: str | None, candidate: Candidate, model: Any, example: Example | None) -> Registered:
    """Log ``model`` (an ``nn.Module`` in evaluation mode on the CPU, or a Folder) and register it.

    It gets the alias ``champion`` unless a better one of the same test split has it.

    ``example`` holds at least 2 inputs (a batch of 1 would fix the batch size in the exported graph); of a Folder
    it may be None: no types of inputs are known then. Safe to repeat: a second call for the same run finds its
    version and sets the alias, and a call that was cut off goes on from the model that it had logged. Another
    champion of the same sweep gets a version of its own. Logging sets the run to FINISHED. Raises Refused or, while
    the store cannot be reached, Away.
    """
    assert example is None or len(example.inputs) >= 2, len(example.inputs)
    store = open_mlflow(uri)
    with sorted_trouble(), tracking_at(store.uri):
        found = _found(store.client, candidate.name, candidate.run_id)
        number = _log(store.client, candidate, model, example) if found is None else found
        is_champion, told = settled(store.client, candidate.name, number)
    which = f"@{names.CHAMPION}" if is_champion else f"/{number}"
    return Registered(name=candidate.name, version=number, uri=f"models:/{candidate.name}{which}", told=told)


def describe(uri: str | None, name: str, run_id: str, text: str) -> None:
    """Set the description of the version of ``name`` that comes from this run: ``text``, and how to load it.

    Of a text that is too long for MLflow whole sections are left out, and named. Raises Refused or Away.
    """
    store = open_mlflow(uri)
    with sorted_trouble():
        number = _found(store.client, name, run_id)
        if number is not None:
            load = f'mlflow.pyfunc.load_model("models:/{name}/{number}").predict(rows)'
            also = f"`models:/{name}@{names.CHAMPION}` is the newest champion."
            store.client.update_model_version(name, number, fitting(text, f"\n\nLoad it: `{load}`; {also}"))


def fitting(text: str, end: str) -> str:
    """Return Markdown and its ``end`` within MLflow's limit: the longest sections are left out first, and named."""
    first, *sections = text.split(SECTION)
    left_out: list[str] = []
    while True:
        told = "".join(SECTION + section for section in sections if section not in left_out).rstrip() + _named(
            left_out
        )
        if len(first) + len(told) + len(end) <= MAX_DESCRIPTION:
            return first + told + end
        if len(left_out) == len(sections):
            return names.shorten(first, MAX_DESCRIPTION - len(told) - len(end)) + told + end
        left_out.append(max((section for section in sections if section not in left_out), key=len))


def _named(left_out: Sequence[str]) -> str:
    titles = ", ".join(section.split("\n", 1)[0] for section in left_out)
    told = (
        f"\n\nToo long for MLflow's registry, but in the artifact `{names.MODEL_CARD_FILE}` of its run: {titles}."
    )
    return told if left_out else ""


def log_folder(uri: str | None, run_id: str, folder: Path) -> None:
    """Log a folder, under its name, as artifacts of a run. Raises Refused, Away."""
    store = open_mlflow(uri)
    with sorted_trouble():
        store.client.log_artifacts(run_id, str(folder), folder.name)


def _found(client: MlflowClient, name: str, run_id: str) -> str | None:
    return next((str(v.version) for v in versions_of(client, name) if v.run_id == run_id), None)


def versions_of(client: MlflowClient, name: str) -> Sequence[Any]:
    """Return all versions that are registered under ``name``."""
    quoted = name.replace("'", "\\'")
    found: Sequence[Any] = client.search_model_versions(f"name = '{quoted}'")
    return found


def _log(client: MlflowClient, candidate: Candidate, model: Any, example: Example | None) -> str:
    model_id, uri = _logged(client, candidate) or _log_anew(candidate, model, example)
    tags = {**candidate.metadata, names.SWEEP_ID: candidate.sweep_id, DIGEST: _digest(uri)}
    _ensure_name(client, candidate.name)
    made = client.create_model_version(candidate.name, uri, candidate.run_id, tags=tags, model_id=model_id)
    return str(made.version)


def _digest(model_uri: str) -> str:
    """Return the digest of a logged model's files."""
    import mlflow

    with TemporaryDirectory() as folder:
        return digest_of(Path(mlflow.artifacts.download_artifacts(model_uri, dst_path=folder)))


def _logged(client: MlflowClient, candidate: Candidate) -> tuple[str, str] | None:
    """Return ID and URI of the model that an interrupted call has logged, or None; incomplete ones are deleted."""
    from mlflow.entities import LoggedModelStatus

    experiment_id = client.get_run(candidate.run_id).info.experiment_id
    found = None
    for model in client.search_logged_models([experiment_id], f"source_run_id = '{candidate.run_id}'"):
        if model.name == ARTIFACT and model.status == LoggedModelStatus.READY:
            found = model.model_id, model.model_uri
        elif model.name == ARTIFACT:
            client.delete_logged_model(model.model_id)
    return found


def _log_anew(candidate: Candidate, model: Any, example: Example | None) -> tuple[str, str]:
    import mlflow

    with mlflow.start_run(run_id=candidate.run_id, nested=True):
        if isinstance(model, Folder):
            logged = _log_folder(model, example)
        else:
            assert example is not None
            logged = _log_module(model, example)
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


def _log_folder(model: Folder, example: Example | None) -> Any:
    """Log a model saved as files."""
    import mlflow

    return mlflow.pyfunc.log_model(
        name=ARTIFACT,
        loader_module=model.loader,
        data_path=model.path,
        code_paths=list(model.code) or None,
        signature=None if example is None else _signature(example, model),
        input_example=None if example is None else example.inputs,
        pip_requirements=_pinned(model.packages),
    )


def _signature(example: Example, model: Folder) -> Any:
    """Return the signature of a model saved as files, with input columns of any type; None where types are missing.

    The types that MLflow infers would refuse whole numbers where the example's rows have fractions.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.models import ModelSignature, infer_signature
    from mlflow.types.schema import AnyType, ColSpec, Schema

    any_type = AnyType()  # type: ignore[no-untyped-call]
    try:
        inputs = infer_signature(example.inputs).inputs
        told = infer_signature(None, example.outputs, dict(model.params) or None)
    except (MlflowException, TypeError):  # of what a user's function takes or returns
        return None
    if model.takes_lists:
        return ModelSignature(None, told.outputs, told.params)
    if hasattr(example.inputs, "columns"):
        inputs = Schema([ColSpec(any_type, name, required=False) for name in example.inputs])
    return ModelSignature(inputs, told.outputs, told.params)


def _pinned(packages: Sequence[str]) -> list[str]:
    """Return the packages pinned to their installed versions; those that are not installed are left out.

    Without requirements MLflow would find them by importing the model in another process: 7 s instead of 0.4.
    """
    found: list[str] = []
    for name in dict.fromkeys(packages):
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
def tracking_at(uri: str) -> Iterator[None]:
    """Set the process's tracking store, the only one that MLflow's model calls know, and restore it afterwards."""
    import mlflow

    before, variable = mlflow.get_tracking_uri(), os.environ.get("MLFLOW_TRACKING_URI")
    mlflow.set_tracking_uri(uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(before)
        if variable is None:
            os.environ.pop("MLFLOW_TRACKING_URI", None)
