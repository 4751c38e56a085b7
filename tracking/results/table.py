"""Reads MLflow's store as DataFrames with a fixed schema: one typed row per trial, or one per epoch and metric.

SQLite is read by SQL, without importing mlflow (2,000 trials in about 0.1 s); other stores by paged search.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from search_spaces.types.trial_names import name_of_key
from tracking import names
from tracking.store.errors import Away
from tracking.store.open import open_mlflow, resolve, sqlite_path
from tracking.store.records import FoundRun, whole_params
from tracking.store.sqlite import read_points, read_runs

if TYPE_CHECKING:
    import pandas as pd

FIXED: Final = {
    "trial": "Int64",
    "name": "string",
    "role": "string",
    "state": "string",
    "epochs": "Int64",
    "value": "Float64",
    "best_value": "Float64",
    "best_epoch": "Int64",
    "seconds": "Float64",
    "run_id": "string",
    "error": "string",
}
"""Columns of every table of trials; ``value`` and ``best_value`` are renamed after the metric."""
SIZE: Final = "params_m"
"""Metric that holds the millions of parameters of a trial's model."""


def trials(uri: str | None, sweep_id: str, metric: str, role: names.Role = "trial") -> pd.DataFrame:
    """Return one row per trial of the sweep, sorted by key; with ``role="final"`` one per final member.

    Columns: those of ``FIXED`` (``<metric>`` and ``best_<metric>`` for value and best_value, of the first seed),
    where trials were trained with several seeds ``num_seeds``, ``mean_<metric>`` and ``std_<metric>``, where it is
    known ``params_m`` (millions of parameters of the model), then hyperparameters by name, with real dtypes: Int64,
    Float64, boolean or string (``params.<name>`` where such a column has the name).
    Missing values are ``<NA>``; an unknown sweep gives an empty table with the fixed columns.
    """
    import pandas as pd

    rows = [row for row in _tagged(uri, names.SWEEP_ID, sweep_id) if row.role == role]
    rows.sort(key=lambda row: row.key)
    fixed = pd.DataFrame([_fixed(row, names.clean_key(metric)) for row in rows], columns=list(FIXED)).astype(FIXED)
    fixed = fixed.rename(columns={"value": metric, "best_value": names.best(metric)})
    if any(names.NUM_SEEDS in row.metrics for row in rows):
        fixed = fixed.assign(**_over_seeds(rows, metric))
    if any(SIZE in row.metrics for row in rows):
        fixed[SIZE] = pd.Series([row.newest(SIZE) for row in rows]).astype("Float64")
    exact = [whole_params(row) for row in rows]
    params = sorted({name for known in exact for name in known})
    columns = {
        f"params.{name}" if name in fixed else name: typed([known.get(name) for known in exact]) for name in params
    }
    return pd.concat([fixed, pd.DataFrame(columns, index=fixed.index)], axis=1)


HISTORY: Final = {
    "trial": "Int64",
    "name": "string",
    "role": "string",
    "epoch": "Int64",
    "metric": "string",
    "value": "Float64",
}
"""Columns of the table of learning curves."""


def history(
    uri: str | None, sweep_id: str, metrics: Iterable[str] | None = None, run_id: str | None = None
) -> pd.DataFrame:
    """Return one row per trial, epoch and metric: ``trial, name, role, epoch, metric, value``.

    ``metrics`` None: all that were measured each epoch; ``run_id``: of this run alone. Sorted by trial, name,
    metric and epoch; empty where nothing was logged. Values that are not finite are left out.
    """
    import pandas as pd

    tagged = _tagged(uri, names.SWEEP_ID, sweep_id)
    runs = {run.run_id: run for run in tagged if run.key and run_id in (None, run.run_id)}
    asked = None if metrics is None else {names.clean_key(metric) for metric in metrics}
    today = {earlier: key for key, earlier in names.EARLIER.items()}
    points = ((runs[at], today.get(key, key), step, value) for at, key, step, value in _points(uri, runs))
    records = [
        (_number(run), name_of_key(run.key), run.role, step, key, value)
        for run, key, step, value in points
        if step > 0 and (asked is None or key in asked)  # what is of a whole training has step 0
    ]
    found = pd.DataFrame(records, columns=list(HISTORY)).astype(HISTORY)
    return found.sort_values(["trial", "name", "metric", "epoch"], kind="stable", ignore_index=True)


def curves(uri: str | None, sweep_id: str, run_id: str) -> dict[str, dict[int, float]]:
    """Return every metric of one run by epoch, in order, as ``history`` has them; pandas stays unimported."""
    runs = {run.run_id: run for run in _tagged(uri, names.SWEEP_ID, sweep_id) if run.run_id == run_id}
    today = {earlier: key for key, earlier in names.EARLIER.items()}
    found: dict[str, dict[int, float]] = {}
    for _, key, step, value in sorted(_points(uri, runs)):
        if step > 0:
            found.setdefault(today.get(key, key), {})[step] = value
    return found


def _points(uri: str | None, runs: Mapping[str, FoundRun]) -> Iterator[tuple[str, str, int, float]]:
    """Yield run, key, step and value of every finite measurement of the runs."""
    path = sqlite_path(resolve(uri))
    if path is not None:
        with _readable(path):
            yield from read_points(path, set(runs))
        return
    store = open_mlflow(uri)
    for run_id, run in runs.items():
        for key in run.metrics:
            yield from ((run_id, key, step, value) for step, value in store.history(run_id, key).items())


def sweeps(uri: str | None) -> list[FoundRun]:
    """Return every sweep's own run, oldest first.

    Raises FileNotFoundError where the SQLite file is missing, and Away where the store cannot be read.
    """
    return _tagged(uri, names.SWEEP_ROLE, "sweep")


def sweep_runs(uri: str | None, sweep_id: str) -> list[FoundRun]:
    """Return every run of a sweep, its own included; raises as ``sweeps`` does."""
    return _tagged(uri, names.SWEEP_ID, sweep_id)


def _tagged(uri: str | None, tag: str, value: str) -> list[FoundRun]:
    path = sqlite_path(resolve(uri))
    if path is not None:
        with _readable(path):
            return read_runs(path, value, tag)
    store = open_mlflow(uri)
    return store.search(store.experiment_ids(), value, tag)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Raise Away where the file cannot be read in the block."""
    try:
        yield
    except (
        sqlite3.OperationalError,
        PermissionError,
    ) as error:  # locked, or closed to us: its content may be right
        raise Away(f"{path} cannot be read ({error})") from error
    except sqlite3.Error as error:
        remedy = "move it away, and `paceline repair ID` writes each sweep's runs into a new one"
        raise Away(f"{path} cannot be read ({error}): {remedy}") from error


def _number(row: FoundRun) -> int | None:
    return int(row.tags[names.TRIAL_NUMBER]) if names.TRIAL_NUMBER in row.tags else None


def _fixed(row: FoundRun, metric: str) -> dict[str, Any]:
    return {
        "trial": _number(row),
        "name": name_of_key(row.key) or None,
        "role": row.tags.get(names.SWEEP_ROLE),
        "state": row.state or None,
        "epochs": row.metrics.get(metric, (None, 0))[1],
        "value": row.newest(metric),
        "best_value": row.newest(names.best(metric)),
        "best_epoch": row.newest(names.BEST_EPOCH),
        "seconds": row.newest(names.SECONDS),
        "run_id": row.run_id,
        "error": row.tags.get(names.TRIAL_ERROR),
    }


def _over_seeds(rows: Sequence[FoundRun], metric: str) -> dict[str, pd.Series]:
    """Return the columns of what is known of trials with all of their seeds; <NA> for those with a single one."""
    import pandas as pd

    def column(key: str, dtype: str) -> pd.Series:
        return pd.Series([row.newest(names.clean_key(key)) for row in rows]).astype(dtype)

    values = {key: column(key, "Float64") for key in (names.mean(metric), names.std(metric))}
    return {names.NUM_SEEDS: column(names.NUM_SEEDS, "Int64"), **values}


def typed(texts: list[str | None]) -> pd.Series:
    """Convert a column of MLflow's texts to booleans, whole numbers or numbers if all allow it, else to strings.

    None and ``"None"`` become ``<NA>``. Strings that all look like numbers become numbers.
    """
    import pandas as pd

    known = pd.Series([None if text == "None" else text for text in texts], dtype="string")
    if set(known.dropna()) in ({"True"}, {"False"}, {"True", "False"}):
        return known.map({"True": True, "False": False}).astype("boolean")
    try:
        return pd.to_numeric(known, dtype_backend="numpy_nullable")
    except ValueError:
        return known
