"""One run at a time through MLflow's store object: the way to a server, and to any store that is not bulk."""

from __future__ import annotations

from typing import Any, Final

from mlflow.entities import Metric, Param, RunStatus, RunTag

from tracking.changes import Place, RunChange

MAX_METRICS: Final = 1000
MAX_PAIRS: Final = 100


def send(store: Any, place: Place, change: RunChange, run_ids: dict[str, str]) -> int:
    """Applies ``change``; a new run is added to ``run_ids``. Returns the number of requests it took.

    What was applied before is passed over by MLflow itself: the same metric point is stored once.
    """
    num_requests = 0
    tags = [RunTag(key, value) for key, value in change.tags.items()]
    if change.key not in run_ids and change.title is not None:
        run_ids[change.key] = _create(store, place, change, tags)
        num_requests += 1 + (place.dataset is not None)
        tags = []
    run_id = run_ids[change.key]
    metrics = [Metric(*point) for point in change.points]
    params = [Param(key, value) for key, value in change.params.items()]
    while metrics or params or tags:
        store.log_batch(run_id, metrics[:MAX_METRICS], params[:MAX_PAIRS], tags[:MAX_PAIRS])
        metrics, params, tags = metrics[MAX_METRICS:], params[MAX_PAIRS:], tags[MAX_PAIRS:]
        num_requests += 1
    if change.status is not None:
        store.update_run_info(run_id, RunStatus.from_string(change.status), change.end_ms, None)
        num_requests += 1
    return num_requests


def _create(store: Any, place: Place, change: RunChange, tags: list[RunTag]) -> str:
    run = store.create_run(place.experiment_id, place.user, change.start_ms, tags, change.title)
    if place.dataset is not None:
        store.log_inputs(run.info.run_id, [place.dataset])
    return str(run.info.run_id)
