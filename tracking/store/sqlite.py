"""Writes MLflow's SQLite file by SQL, as MLflow would, many runs in one transaction, without importing mlflow.

MLflow's own store costs 3.4 s of CPU to import and open a new file and 16 ms for a trial of 10 epochs x 9 metrics
(create_run 3, log_batch 10, update_run 1.4), nearly all of it in the ORM; this one 0.1 s and 0.7 ms. It is used for
the schemas in ``REVISIONS``; any other file goes through MLflow. A test compares what both write.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from search_spaces.types.plain import ASKED_FOR, plain
from tracking import names
from tracking.store.dataset import dataset_profile, dataset_schema, dataset_source
from tracking.store.errors import sorted_trouble
from tracking.store.mlflow_client import MlflowStore
from tracking.store.moved_file import beside
from tracking.store.records import (
    FoundRun,
    Place,
    RunChange,
    SweepHeader,
    now_ms,
    user,
)

REVISIONS: Final = {"dc11669786a5"}
"""MLflow's schema revisions that this module was written for: 3.17."""
WITHOUT: Final = "MLflow is written by its own client: about 20 times slower a trial"
BUSY_S: Final = 20.0
"""Longest wait for another process that writes the file."""

NEW_RUN: Final = """
    INSERT OR IGNORE INTO runs (run_uuid, name, artifact_uri, experiment_id, source_type, source_name,
        entry_point_name, user_id, status, start_time, source_version, lifecycle_stage)
    VALUES (?, ?, ?, ?, 'UNKNOWN', '', '', ?, 'RUNNING', ?, '', 'active')
"""
PUT_TAG: Final = """
    INSERT INTO tags (run_uuid, key, value) VALUES (?, ?, ?)
    ON CONFLICT (key, run_uuid) DO UPDATE SET value = excluded.value
"""
ADD_PARAM: Final = "INSERT OR IGNORE INTO params (run_uuid, key, value) VALUES (?, ?, ?)"
ADD_METRIC: Final = """
    INSERT INTO metrics (run_uuid, key, value, timestamp, step, is_nan) VALUES (?, ?, ?, ?, ?, 0)
    ON CONFLICT DO NOTHING
"""
# What "latest" means is MLflow's rule: SqlAlchemyStore._update_latest_metrics_if_necessary
PUT_LATEST: Final = """
    INSERT INTO latest_metrics (run_uuid, key, value, timestamp, step, is_nan) VALUES (?, ?, ?, ?, ?, 0)
    ON CONFLICT (key, run_uuid) DO UPDATE
    SET value = excluded.value, timestamp = excluded.timestamp, step = excluded.step, is_nan = 0
    WHERE (excluded.step, excluded.timestamp, excluded.value) > (step, timestamp, value)
"""
SET_STATUS: Final = "UPDATE runs SET status = ?, end_time = ? WHERE run_uuid = ?"
RENAME: Final = "UPDATE runs SET name = ? WHERE run_uuid = ?"
WITHOUT_HP: Final = "".join(f" AND key NOT GLOB '{folder}*'" for folder in (names.HP, names.EARLIER_HP))
BIN_RUN: Final = """
    UPDATE runs SET status = 'KILLED', end_time = ?1, lifecycle_stage = 'deleted', deleted_time = ?1
    WHERE run_uuid = ?2
"""
NEW_EXPERIMENT: Final = """
    INSERT INTO experiments (name, artifact_location, lifecycle_stage, creation_time, last_update_time, workspace)
    VALUES (?, ?, 'active', ?, ?, 'default')
"""
PUT_EXPERIMENT_TAG: Final = """
    INSERT INTO experiment_tags (experiment_id, key, value) VALUES (?, ?, ?)
    ON CONFLICT (key, experiment_id) DO UPDATE SET value = excluded.value
"""
NEW_DATASET: Final = """
    INSERT OR IGNORE INTO datasets (dataset_uuid, experiment_id, name, digest, dataset_source_type, dataset_source,
        dataset_profile, dataset_schema) VALUES (?, ?, ?, ?, 'local', ?, ?, ?)
"""
NEW_INPUT: Final = """
    INSERT OR IGNORE INTO inputs (input_uuid, source_type, source_id, destination_type, destination_id)
    VALUES (?, 'DATASET', ?, 'RUN', ?)
"""
NEW_INPUT_TAG: Final = f"INSERT OR IGNORE INTO input_tags VALUES (?, '{names.DATASET_CONTEXT}', 'training')"
TAGGED_RUNS: Final = """
    SELECT runs.run_uuid, runs.status, runs.start_time, runs.experiment_id
    FROM tags JOIN runs ON runs.run_uuid = tags.run_uuid
    WHERE tags.key = ? AND tags.value = ? AND runs.lifecycle_stage = 'active' ORDER BY runs.start_time
"""
"""Without an index on a tag's value it passes over every run of the store: asked once, its runs are then named."""


def connect(path: Path, busy_s: float | None = None) -> sqlite3.Connection:
    """Open the file in autocommit mode, with as few fsyncs as WAL allows. Raises FileNotFoundError without one.

    Another process that writes it is waited for, for at most ``busy_s`` seconds (None: BUSY_S).
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: no MLflow store here")
    if not os.access(path, os.R_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    place = address(path, os.access(path.parent, os.W_OK))
    timeout_s = BUSY_S if busy_s is None else busy_s
    connection = sqlite3.connect(place, uri=True, timeout=timeout_s, isolation_level=None)
    connection.execute("PRAGMA synchronous=NORMAL")
    return connection


def address(path: Path, is_open: bool) -> str:
    """Return the URI by which SQLite opens the file; ``is_open``: files can be written beside it.

    To read a file SQLite writes others beside it, unless the file is said not to change. Then it passes over the
    log of a writer that runs or was killed, and with it over the newest results: with a log that is not said.
    """
    log = Path(f"{path}-wal")
    is_whole = not log.exists() or log.stat().st_size == 0
    return path.absolute().as_uri() + ("?immutable=1" if is_whole and not is_open else "")


def revision(path: Path, busy_s: float | None = None) -> str | None:
    """Return the revision of MLflow's schema in the file, None where it is no MLflow store, or stays locked."""
    with closing(connect(path, busy_s)) as connection:
        try:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.DatabaseError:
            return None
    return None if row is None else str(row[0])


def why_off(path: Path) -> str | None:
    """Return why MLflow's client must write the file; None where this module can, or could once the file exists."""
    if plain():
        return ASKED_FOR
    if not path.exists() or path.stat().st_size == 0:
        return None
    found = revision(path)
    return None if found in REVISIONS else f"{path} has MLflow's schema {found}, which Paceline does not know"


def read_runs(
    path: Path,
    wanted: str,
    tag: str = names.SWEEP_ID,
    hyperparameters: bool = True,
    experiment_id: int | None = None,
) -> list[FoundRun]:
    """Return every active run whose ``tag`` has the value ``wanted``, of one experiment or of all, oldest first.

    Without ``hyperparameters`` those of trials are left out, among params and metrics: nearly all of a large sweep.
    """
    only = " AND is_nan = 0" + ("" if hyperparameters else WITHOUT_HP)
    with closing(connect(path)) as connection:
        runs = {
            run_id: FoundRun(run_id=run_id, status=status, start_ms=start_ms)
            for run_id, status, start_ms, experiment in connection.execute(TAGGED_RUNS, [tag, wanted])
            if experiment_id in (None, experiment)
        }
        for run_id, key, value in _of_runs(connection, "key, value FROM tags", runs):
            runs[run_id].tags[key] = value
        described = [run_id for run_id, run in runs.items() if hyperparameters or run.role == "sweep"]
        for run_id, key, value in _of_runs(connection, "key, value FROM params", described):
            runs[run_id].params[key] = value
        for run_id, key, value, step in _of_runs(connection, "key, value, step FROM latest_metrics", runs, only):
            runs[run_id].metrics[key] = (value, step)
    return list(runs.values())


def read_points(path: Path, run_ids: Iterable[str]) -> list[tuple[str, str, int, float]]:
    """Return run, key, step and value of every finite measurement of these runs."""
    with closing(connect(path)) as connection:
        return _of_runs(connection, "key, step, value FROM metrics", run_ids, " AND is_nan = 0").fetchall()


def _of_runs(connection: sqlite3.Connection, chosen: str, run_ids: Iterable[str], only: str = "") -> sqlite3.Cursor:
    """Return rows of these runs, by the index on them: the run's ID, then what is chosen from a table."""
    query = f"SELECT run_uuid, {chosen} WHERE run_uuid IN (SELECT value FROM json_each(?)){only}"
    return connection.execute(query, [json.dumps(list(run_ids))])


class SqliteStore:
    """An MLflow store in a SQLite file of a known schema. Every method but ``close`` raises Refused or Away."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with sorted_trouble():
            if self._connection is None:  # kept open: closing the last one costs a checkpoint and its fsyncs
                self._connection = connect(self.path)
            self._connection.execute("BEGIN IMMEDIATE")
            with self._connection:
                yield self._connection

    def close(self) -> None:
        """Close the file, in the thread that used it; the next call opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def place(self, header: SweepHeader) -> Place:
        """Return the sweep's experiment, created or restored from the bin where needed, and its data set."""
        with self._transaction() as connection:
            experiment_id, location = self._experiment(connection, header.experiment)
            dataset = self._dataset(connection, experiment_id, header.dataset)
        return Place(experiment_id=str(experiment_id), artifact_location=location, user=user(), dataset=dataset)

    def _experiment(self, connection: sqlite3.Connection, name: str) -> tuple[int, str]:
        query = "SELECT experiment_id, artifact_location FROM experiments WHERE name = ? AND workspace = 'default'"
        row = connection.execute(query, [name]).fetchone()
        if row is not None:
            connection.execute("UPDATE experiments SET lifecycle_stage = 'active' WHERE experiment_id = ?", row[:1])
            return row[0], row[1]
        location, now = str(names.artifact_folder(self.path, name)), now_ms()
        made = connection.execute(NEW_EXPERIMENT, [name, location, now, now]).lastrowid
        assert made is not None
        connection.execute(PUT_EXPERIMENT_TAG, [made, names.EXPERIMENT_KIND, names.MODEL_TRAINING])
        return made, location

    def _dataset(
        self, connection: sqlite3.Connection, experiment_id: int, dataset: Mapping[str, object]
    ) -> str | None:
        if not dataset:
            return None
        same = [experiment_id, str(dataset["name"]), str(dataset["digest"])[: names.MAX_DIGEST]]
        connection.execute(
            NEW_DATASET,
            [uuid.uuid4().hex, *same, dataset_source(dataset), dataset_profile(dataset), dataset_schema(dataset)],
        )
        query = "SELECT dataset_uuid FROM datasets WHERE experiment_id = ? AND name = ? AND digest = ?"
        return str(connection.execute(query, same).fetchone()[0])

    def found(self, place: Place, sweep_id: str) -> list[FoundRun]:
        """Return every active run of the sweep, the sweep's own included, oldest first.

        Of trials the hyperparameters are left out, which the writer has.
        """
        with sorted_trouble():
            return read_runs(self.path, sweep_id, hyperparameters=False)

    def send(self, place: Place, changes: Sequence[RunChange], run_ids: dict[str, str]) -> None:
        """Apply all ``changes`` or none; the IDs of new runs are added to ``run_ids`` by key. Safe to repeat."""
        new = {c.key: uuid.uuid4().hex for c in changes if c.title is not None and c.key not in run_ids}
        known = run_ids | new
        with self._transaction() as connection:
            put = connection.executemany
            put(NEW_RUN, [_run(place, c, new[c.key]) for c in changes if c.key in new])
            put(ADD_PARAM, [(known[c.key], *pair) for c in changes for pair in c.params.items()])
            put(PUT_TAG, [(known[c.key], *pair) for c in changes for pair in c.tags.items()])
            put(PUT_TAG, [(known[c.key], names.RUN_NAME, c.title) for c in changes if c.key in new])
            points = [(known[c.key], *point) for c in changes for point in c.points]
            put(ADD_METRIC, points)
            put(PUT_LATEST, _latest(points))
            for c in changes:
                if c.rename is not None:
                    connection.execute(RENAME, [c.rename, known[c.key]])
                    connection.execute(PUT_TAG, [known[c.key], names.RUN_NAME, c.rename])
            put(SET_STATUS, [(c.status, c.end_ms, known[c.key]) for c in changes if c.status])
            if place.dataset is not None:
                inputs = [(uuid.uuid4().hex, place.dataset, run_id) for run_id in new.values()]
                put(NEW_INPUT, inputs)
                put(NEW_INPUT_TAG, [row[:1] for row in inputs])
        run_ids.update(new)

    def tag_experiment(self, experiment_id: str, tags: Mapping[str, str]) -> None:
        """Set tags of the experiment."""
        with self._transaction() as connection:
            connection.executemany(PUT_EXPERIMENT_TAG, [(int(experiment_id), *pair) for pair in tags.items()])

    def experiment_tags(self, experiment_id: str) -> dict[str, str]:
        """Return all tags of the experiment."""
        with sorted_trouble(), closing(connect(self.path)) as connection:
            query = "SELECT key, value FROM experiment_tags WHERE experiment_id = ?"
            return dict(connection.execute(query, [int(experiment_id)]).fetchall())

    def sweeps(self, place: Place) -> list[FoundRun]:
        """Return the own run of every sweep in the experiment, oldest first."""
        with sorted_trouble():
            return read_runs(self.path, "sweep", names.SWEEP_ROLE, False, int(place.experiment_id))

    def history(self, run_id: str, metric: str) -> dict[int, float]:
        """Return the run's values of ``metric``, by epoch."""
        query = "SELECT step, value FROM metrics WHERE run_uuid = ? AND key = ?"
        with self._transaction() as connection:
            return dict(connection.execute(query, [run_id, metric]).fetchall())

    def delete(self, run_id: str) -> None:
        """End a superfluous run as KILLED and move it to MLflow's bin, from which it can be restored."""
        with self._transaction() as connection:
            connection.execute(BIN_RUN, [now_ms(), run_id])

    def log_bytes(self, run_id: str, content: bytes, artifact_path: str) -> None:
        """Store ``content`` as the run's artifact ``artifact_path``."""
        with sorted_trouble():
            folder = self._artifacts(run_id)
            if folder is None:
                self._mlflow().log_bytes(run_id, content, artifact_path)
                return
            (folder / artifact_path).parent.mkdir(parents=True, exist_ok=True)
            (folder / artifact_path).write_bytes(content)

    def log_file(self, run_id: str, file: Path, artifact_path: str) -> None:
        """Store a file, which has the same name, as the run's artifact ``artifact_path``."""
        with sorted_trouble():
            folder = self._artifacts(run_id)
            if folder is None:
                self._mlflow().log_file(run_id, file, artifact_path)
                return
            (folder / artifact_path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, folder / artifact_path)

    def read_bytes(self, run_id: str, artifact_path: str) -> bytes:
        """Return the run's artifact ``artifact_path``."""
        with sorted_trouble():
            folder = self._artifacts(run_id)
            if folder is None:
                found: bytes = self._mlflow().read_bytes(run_id, artifact_path)
                return found
            return (folder / artifact_path).read_bytes()

    def _artifacts(self, run_id: str) -> Path | None:
        with closing(connect(self.path)) as connection:
            [uri] = connection.execute("SELECT artifact_uri FROM runs WHERE run_uuid = ?", [run_id]).fetchone()
        return None if "://" in uri else beside(self.path, Path(uri))

    def _mlflow(self) -> Any:
        """Open the store by MLflow's client, which uploads artifacts that are not in a local folder."""
        return MlflowStore(f"sqlite:///{self.path}")


def _run(place: Place, change: RunChange, run_id: str) -> tuple[Any, ...]:
    artifacts = f"{place.artifact_location.rstrip('/')}/{run_id}/artifacts"
    return run_id, change.title, artifacts, int(place.experiment_id), place.user, change.start_ms


def _latest(points: Iterable[tuple[str, str, float, int, int]]) -> list[tuple[str, str, float, int, int]]:
    return list({point[:2]: point for point in sorted(points, key=lambda p: (p[4], p[3], p[2]))}.values())
