"""Writes to any MLflow store through MLflow's client: a server, a database, a SQLite file of an unknown schema."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tracking import names
from tracking.store.dataset import dataset_profile, dataset_schema, dataset_source
from tracking.store.errors import sorted_trouble
from tracking.store.records import FoundRun, Place, RunChange, SweepHeader, user

if TYPE_CHECKING:
    from mlflow.entities import Run

PAGE: Final = 1000
"""Runs, or experiments, per page of a search."""
MAX_METRICS: Final = 1000
MAX_PAIRS: Final = 100
"""MLflow's limits of one ``log_batch``: metrics, and params or tags."""


class MlflowStore:
    """An open MLflow store; ``client`` is MLflow's. Every method and the constructor raise Refused or Away."""

    def __init__(self, uri: str) -> None:
        with sorted_trouble():
            from mlflow import MlflowClient

            self.uri = uri
            self.client = MlflowClient(uri)
            self._backend: Any = self.client._tracking_client.store  # called without the client's wrapping

    def place(self, header: SweepHeader) -> Place:
        """Return the sweep's experiment, created or restored from the bin where needed, and its data set."""
        with sorted_trouble():
            found = self.client.get_experiment_by_name(header.experiment)
            if found is None:
                tags = {names.EXPERIMENT_KIND: names.MODEL_TRAINING}
                made = self.client.create_experiment(header.experiment, self._artifacts(header.experiment), tags)
                found = self.client.get_experiment(made)
            elif found.lifecycle_stage != "active":
                self.client.restore_experiment(found.experiment_id)
        return Place(
            experiment_id=found.experiment_id,
            artifact_location=found.artifact_location,
            user=user(),
            dataset=_dataset(header.dataset),
        )

    def _artifacts(self, experiment: str) -> str | None:
        path = names.sqlite_path(self.uri)
        return None if path is None else str(names.artifact_folder(path, experiment))

    def experiment_ids(self) -> list[str]:
        """Return the IDs of all active experiments."""
        found: list[str] = []
        token: str | None = None
        with sorted_trouble():
            while True:
                page = self.client.search_experiments(max_results=PAGE, page_token=token)
                found += [experiment.experiment_id for experiment in page]
                token = page.token
                if not token:
                    return found

    def search(self, experiment_ids: Sequence[str], value: str, tag: str = names.SWEEP_ID) -> list[FoundRun]:
        """Return every active run whose ``tag`` has this value, oldest first."""
        condition, order = f"tags.`{tag}` = '{value}'", ["attributes.start_time ASC"]
        runs: list[FoundRun] = []
        token: str | None = None
        with sorted_trouble():
            while True:
                page = self.client.search_runs(list(experiment_ids), condition, 1, PAGE, order, token)
                runs += map(_found, page)
                token = page.token
                if not token:
                    return runs

    def found(self, place: Place, sweep_id: str) -> list[FoundRun]:
        """Return every active run of the sweep in its experiment, the sweep's own included, oldest first."""
        return self.search([place.experiment_id], sweep_id)

    def send(self, place: Place, changes: Sequence[RunChange], run_ids: dict[str, str]) -> None:
        """Apply ``changes`` one by one; the IDs of new runs are added to ``run_ids`` by key.

        Safe to repeat after an error: MLflow stores equal metric points once.
        """
        with sorted_trouble():
            for change in changes:
                self._send(place, change, run_ids)

    def _send(self, place: Place, change: RunChange, run_ids: dict[str, str]) -> None:
        from mlflow.entities import Metric, Param, RunStatus, RunTag

        tags = [RunTag(key, value) for key, value in change.tags.items()]
        if change.key not in run_ids and change.title is not None:
            run_ids[change.key] = self._create(place, change, tags)
            tags = []
        run_id = run_ids[change.key]
        metrics = [Metric(*point) for point in change.points]
        params = [Param(key, value) for key, value in change.params.items()]
        while metrics or params or tags:
            self._backend.log_batch(run_id, metrics[:MAX_METRICS], params[:MAX_PAIRS], tags[:MAX_PAIRS])
            metrics, params, tags = metrics[MAX_METRICS:], params[MAX_PAIRS:], tags[MAX_PAIRS:]
        if change.status is not None or change.rename is not None:
            status = None if change.status is None else RunStatus.from_string(change.status)
            self._backend.update_run_info(run_id, status, change.end_ms, change.rename)

    def _create(self, place: Place, change: RunChange, tags: list[Any]) -> str:
        run = self._backend.create_run(place.experiment_id, place.user, change.start_ms, tags, change.title)
        if place.dataset is not None:
            self._backend.log_inputs(run.info.run_id, [place.dataset])
        return str(run.info.run_id)

    def close(self) -> None:
        """Do nothing: MLflow keeps its connections for the life of the process."""

    def tag_experiment(self, experiment_id: str, tags: Mapping[str, str]) -> None:
        """Set tags of the experiment."""
        with sorted_trouble():
            for key, value in tags.items():
                self.client.set_experiment_tag(experiment_id, key, value)

    def experiment_tags(self, experiment_id: str) -> dict[str, str]:
        """Return all tags of the experiment."""
        with sorted_trouble():
            return dict(self.client.get_experiment(experiment_id).tags)

    def sweeps(self, place: Place) -> list[FoundRun]:
        """Return the own run of every sweep in the experiment, oldest first."""
        return self.search([place.experiment_id], "sweep", names.SWEEP_ROLE)

    def history(self, run_id: str, metric: str) -> dict[int, float]:
        """Return the run's values of ``metric``, by epoch."""
        with sorted_trouble():
            return {point.step: point.value for point in self.client.get_metric_history(run_id, metric)}

    def delete(self, run_id: str) -> None:
        """End a superfluous run as KILLED and move it to MLflow's bin, from which it can be restored."""
        with sorted_trouble():
            self.client.set_terminated(run_id, "KILLED")
            self.client.delete_run(run_id)

    def log_bytes(self, run_id: str, content: bytes, artifact_path: str) -> None:
        """Store ``content`` as the run's artifact ``artifact_path``."""
        with sorted_trouble(), tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / Path(artifact_path).name
            file.write_bytes(content)
            self.log_file(run_id, file, artifact_path)

    def log_file(self, run_id: str, file: Path, artifact_path: str) -> None:
        """Store a file, which has the same name, as the run's artifact ``artifact_path``."""
        place = Path(artifact_path).parent
        with sorted_trouble():  # MLflow names an artifact after the file
            self.client.log_artifact(run_id, str(file), str(place) if place != Path() else None)

    def read_bytes(self, run_id: str, artifact_path: str) -> bytes:
        """Return the run's artifact ``artifact_path``."""
        with sorted_trouble(), tempfile.TemporaryDirectory() as folder:
            return Path(self.client.download_artifacts(run_id, artifact_path, folder)).read_bytes()


def _dataset(dataset: Mapping[str, object]) -> Any:
    if not dataset:
        return None
    from mlflow.entities import Dataset, DatasetInput, InputTag

    digest = str(dataset["digest"])[: names.MAX_DIGEST]
    source, profile = dataset_source(dataset), dataset_profile(dataset)
    record = Dataset(str(dataset["name"]), digest, "local", source, dataset_schema(dataset), profile)
    return DatasetInput(record, [InputTag(names.DATASET_CONTEXT, "training")])


def _found(run: Run) -> FoundRun:
    return FoundRun(
        run_id=run.info.run_id,
        status=run.info.status,
        start_ms=run.info.start_time,
        tags=dict(run.data.tags),
        params=dict(run.data.params),
        # the public `metrics` has no steps
        metrics={metric.key: (metric.value, metric.step) for metric in run.data._metric_objs},
    )
