"""MLflow's store: opened once, experiments made, runs found again by their tags, changes applied."""

from __future__ import annotations

import getpass
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tracking import names
from tracking.changes import PARENT, Place, RunChange, SweepHeader, opening
from tracking.trouble import sorted_trouble

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment, Run

PAGE: Final = 1000


@dataclass(frozen=True, kw_only=True)
class FoundRun:
    """An MLflow run of a sweep, found by its tags. ``last_steps`` maps each metric to its newest step."""

    run_id: str
    key: str
    role: str
    state: str
    status: str
    start_ms: int
    params: Mapping[str, str] = field(default_factory=dict)
    last_steps: Mapping[str, int] = field(default_factory=dict)


@dataclass(kw_only=True)
class Store:
    """An open MLflow store. Every method raises Refused or Away, never MLflow's own errors."""

    uri: str
    client: MlflowClient
    backend: Any
    """MLflow's store object: its calls skip the client's wrapping."""
    sqlite_path: Path | None = None
    num_requests: int = 0

    @property
    def is_bulk(self) -> bool:
        """Whether many runs go in one transaction (plain SQLite and PostgreSQL)."""
        return type(self.backend).__name__ == "SqlAlchemyStore" and self.backend.db_type in ("sqlite", "postgresql")

    def experiment(self, name: str) -> Experiment:
        """The experiment called ``name``: made, or restored from the bin, where needed."""
        with sorted_trouble():
            found = self.client.get_experiment_by_name(name)
            if found is None:
                tags = {names.EXPERIMENT_KIND: "custom_model_development"}
                return self.client.get_experiment(self.client.create_experiment(name, self._artifacts(name), tags))
            if found.lifecycle_stage != "active":
                self.client.restore_experiment(found.experiment_id)
            return found

    def _artifacts(self, experiment: str) -> str | None:
        """Beside the SQLite file, wherever a command happens to run; other stores know their own place."""
        path = self.sqlite_path
        return None if path is None else str(path.parent / "mlruns" / names.clean_key(experiment).replace("/", "_"))

    def search(self, experiment_ids: Sequence[str], condition: str) -> list[Run]:
        """All active runs that meet ``condition``, page by page, oldest first."""
        runs: list[Run] = []
        token: str | None = None
        with sorted_trouble():
            while True:
                order = ["attributes.start_time ASC"]
                page = self.client.search_runs(
                    list(experiment_ids), condition, max_results=PAGE, order_by=order, page_token=token
                )
                runs += page
                token = page.token
                self.num_requests += 1
                if not token:
                    return runs

    def found(self, experiment_id: str, sweep_id: str) -> list[FoundRun]:
        """Every active run of the sweep, its own included, oldest first."""
        runs = self.search([experiment_id], f"tags.`{names.SWEEP_ID}` = '{sweep_id}'")
        return [_found(run) for run in runs]

    def send(self, place: Place, changes: Sequence[RunChange], run_ids: dict[str, str]) -> None:
        """Applies ``changes``; new runs are added to ``run_ids``. What was applied before is passed over."""
        with sorted_trouble():
            if self.is_bulk:
                from tracking import sql

                sql.send(self.backend.engine, place, changes, run_ids)
                self.num_requests += 1
            else:
                from tracking import each

                for change in changes:
                    self.num_requests += each.send(self.backend, place, change, run_ids)

    def open_sweep(self, header: SweepHeader, run_ids: dict[str, str]) -> Place:
        """The sweep's experiment and own run, made where missing; ``run_ids`` gets every run of the sweep."""
        from tracking import each

        experiment = self.experiment(header.experiment)
        place = Place(
            experiment_id=experiment.experiment_id,
            artifact_location=experiment.artifact_location,
            user=_user(),
            dataset=dataset_input(header.dataset),
        )
        found = self.found(place.experiment_id, header.sweep_id)
        run_ids.clear()
        run_ids.update({run.key: run.run_id for run in reversed(found)})  # the oldest of twins wins
        opened = opening(header, place.user)
        old = next((run for run in found if run.key == PARENT), None)
        if old is not None:
            opened.tags.clear()  # as they are: the sweep may have moved on
            opened.params = {key: value for key, value in opened.params.items() if key not in old.params}
        with sorted_trouble():
            self.num_requests += each.send(self.backend, place, opened, run_ids)
            if self.is_bulk and place.dataset is not None:
                from tracking import sql

                place = replace(place, dataset_uuid=sql.dataset_uuid(self.backend.engine, place))
        return place

    def log_file(self, run_id: str, local: Path, artifact_path: str) -> None:
        """Keeps the file ``local`` as the run's artifact ``artifact_path``."""
        with sorted_trouble(), tempfile.TemporaryDirectory() as folder:
            target = Path(artifact_path)
            copy = Path(folder) / target.name
            shutil.copyfile(local, copy)
            self.client.log_artifact(run_id, str(copy), str(target.parent) if target.parent != Path() else None)
            self.num_requests += 1

    def log_text(self, run_id: str, text: str, artifact_path: str) -> None:
        """Keeps ``text`` as the run's artifact ``artifact_path``."""
        with sorted_trouble():
            self.client.log_text(run_id, text, artifact_path)
            self.num_requests += 1

    def tag_experiment(self, experiment_id: str, tags: Mapping[str, str]) -> None:
        """Sets tags of the experiment."""
        with sorted_trouble():
            for key, value in tags.items():
                self.client.set_experiment_tag(experiment_id, key, value)
                self.num_requests += 1

    def steps(self, run_id: str, metric: str) -> set[int]:
        """The epochs at which the run has a value of ``metric``."""
        with sorted_trouble():
            self.num_requests += 1
            return {point.step for point in self.client.get_metric_history(run_id, metric)}

    def delete(self, run_id: str) -> None:
        """Ends a run that should not be and moves it to MLflow's bin, from where it can be restored."""
        with sorted_trouble():
            self.client.set_terminated(run_id, "KILLED")
            self.client.delete_run(run_id)
            self.num_requests += 2


def dataset_input(dataset: Mapping[str, object]) -> Any:
    """MLflow's record of the data set that a sweep trains on, None where ``dataset`` is empty."""
    if not dataset:
        return None
    from mlflow.entities import Dataset, DatasetInput, InputTag

    profile = {name: value for name, value in dataset.items() if name not in ("name", "digest", "source")}
    source = json.dumps({"uri": str(dataset.get("source", dataset["name"]))})
    record = Dataset(
        str(dataset["name"]), str(dataset["digest"])[:36], "local", source, profile=json.dumps(profile)
    )
    return DatasetInput(record, [InputTag(names.DATASET_CONTEXT, "training")])


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user without a name
        return "unknown"


def _found(run: Run) -> FoundRun:
    tags = run.data.tags
    return FoundRun(
        run_id=run.info.run_id,
        key=tags.get(names.TRIAL_KEY, PARENT),
        role=tags.get(names.SWEEP_ROLE, ""),
        state=tags.get(names.TRIAL_STATE, tags.get(names.SWEEP_STATE, "")),
        status=run.info.status,
        start_ms=run.info.start_time,
        params=run.data.params,
        last_steps={metric.key: metric.step for metric in run.data._metric_objs},
    )
