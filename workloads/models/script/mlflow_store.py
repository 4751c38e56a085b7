"""A private MLflow store of one script: a folder, from which its metrics are read as the script logs them.

The sweep's own store gets them from Paceline, as those of any workload. If the script wrote there itself, each
value would be there twice, those of an attempt that was killed would stay, the script would have to know the
store's password, and two processes would change the state of one run.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from workloads.models.script.epochs import Report
from workloads.models.script.printed import as_number
from workloads.models.script.report_file import Tail

EXPERIMENT = "0"
OTHER_EXPERIMENT = "active experiment ID does not match environment run ID"
"""What MLflow says to a script that has set an experiment of its own and then gets our run."""
PARENT = "mlflow.parentRunId"
"""MLflow's tag of a nested run."""
FURTHER = "further_runs"
"""Folder of the artifacts of runs that do not count."""
LOGGED = "mlflow.json"
"""Artifact with the params and tags that the script logs."""
SCHEDULED = 2
"""MLflow's number for the state of a run that has not begun."""


class MlflowStore:
    """A store in ``folder`` with one run, which is the active one of a script with this ``environment``."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.run_id = folder, secrets.token_hex(16)
        self.names: dict[str, None] = {}
        self.left_out: set[str] = set()
        """Names of metrics of runs that do not count."""
        self._is_nested: dict[Path, bool] = {}
        """Whether a run that has metrics is a nested one."""
        self._tails: dict[Path, Tail] = {}
        self._last_steps: dict[Path, float] = {}
        """Step of the last value in each metric's file."""
        _write_yaml(folder / EXPERIMENT / "meta.yaml", _experiment(folder))
        _write_yaml(folder / EXPERIMENT / self.run_id / "meta.yaml", self._run(name))
        for part in ("metrics", "params", "tags", "artifacts"):  # without them it is no run to MLflow
            (folder / EXPERIMENT / self.run_id / part).mkdir()

    def environment(self, own_experiment: bool) -> Mapping[str, str]:
        """Return the variables that lead MLflow to this store, and to its run.

        A script that has an ``own_experiment`` makes runs there itself: MLflow refuses it one of another.
        """
        found = {
            "MLFLOW_TRACKING_URI": self.folder.as_uri(),
            "MLFLOW_REGISTRY_URI": self.folder.as_uri(),
            "MLFLOW_ALLOW_FILE_STORE": "true",
        }
        return (
            found if own_experiment else {**found, "MLFLOW_RUN_ID": self.run_id, "MLFLOW_EXPERIMENT_ID": EXPERIMENT}
        )

    def new(self) -> list[Report]:
        """Return what the runs of the store have measured since the last call, by step.

        That is the run of the script's environment; others only while that one has no metrics, and no nested ones.
        A script that logs without steps has step 0, MLflow's default, each time: its values are counted instead.
        """
        points = sorted(self._points(), key=lambda point: point[0])
        latest: dict[tuple[Path, float | None], dict[str, float]] = {}
        found: list[Report] = []
        for _, run, step, name, value in points:
            metrics = latest.get((run, step))
            if metrics is None or (step is None and name in metrics):
                latest[run, step] = metrics = {}
                found.append(Report(metrics, step))
            metrics[name] = value
        return found

    @property
    def artifacts(self) -> list[tuple[str, Path]]:
        """Files that the script logged: the path among the trial's artifacts, and where each is.

        Those of a run that does not count are in a folder of its name, and params and tags in ``LOGGED``.
        """
        found: list[tuple[str, Path]] = []
        for run in self._runs():
            above = "" if self._counts(run) else f"{FURTHER}/{run.name}/"
            found += _below(run / "artifacts", above)
            if logged := _logged(run):
                file = self.folder / f"{run.name}.json"
                file.write_text(json.dumps(logged, indent=1, ensure_ascii=False), encoding="utf-8")
                found.append((f"{above}{LOGGED}", file))
        for model in sorted(self.folder.glob("*/models/*/artifacts")):
            found += _below(model, f"models/{model.parent.name}/")
        return found

    def _points(self) -> Iterator[tuple[int, Path, float | None, str, float]]:
        for run in self._runs():
            metrics = run / "metrics"
            for path in metrics.rglob("*") if metrics.is_dir() else ():
                if path.is_dir():
                    continue
                name = path.relative_to(metrics).as_posix()
                for line in self._tails.setdefault(path, Tail(path)).lines():
                    if (point := _point(line)) is not None:
                        if not self._counts(run):
                            self.left_out.add(name)
                            continue
                        self.names[name] = None
                        at, value, step = point
                        again = step == 0 == self._last_steps.get(path)
                        self._last_steps[path] = step
                        yield at, run, None if again else step, name, value

    def _counts(self, run: Path) -> bool:
        """Whether a run is the one of the script's environment, or may stand for it as that has no metrics."""
        own = self.folder / EXPERIMENT / self.run_id
        return run == own or not (self._nested(run) or any((own / "metrics").iterdir()))

    def _nested(self, run: Path) -> bool:
        """Whether a run was begun inside of another one: MLflow tags it before it has metrics."""
        if run not in self._is_nested:
            self._is_nested[run] = (run / "tags" / PARENT).exists()
        return self._is_nested[run]

    def _runs(self) -> list[Path]:
        return [meta.parent for meta in self.folder.glob("*/*/meta.yaml")]

    def _run(self, name: str) -> Mapping[str, object]:
        return {
            "artifact_uri": (self.folder / EXPERIMENT / self.run_id / "artifacts").as_uri(),
            "end_time": None,
            "entry_point_name": "",
            "experiment_id": EXPERIMENT,
            "lifecycle_stage": "active",
            "run_id": self.run_id,
            "run_uuid": self.run_id,
            "run_name": name,
            "source_name": "",
            "source_type": 4,
            "source_version": "",
            "start_time": int(time.time() * 1000),
            "status": SCHEDULED,
            "tags": [],
            "user_id": "paceline",
        }


def _experiment(folder: Path) -> Mapping[str, object]:
    now = int(time.time() * 1000)
    return {
        "artifact_location": (folder / EXPERIMENT).as_uri(),
        "creation_time": now,
        "experiment_id": EXPERIMENT,
        "last_update_time": now,
        "lifecycle_stage": "active",
        "name": "Default",
    }


def _below(folder: Path, above: str) -> list[tuple[str, Path]]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return [(above + path.relative_to(folder).as_posix(), path) for path in files]


def _logged(run: Path) -> dict[str, dict[str, str]]:
    """Return the params and tags of a run, but MLflow's own tags; empty where there are none."""
    found = {
        kind: {name: path.read_text(encoding="utf-8", errors="replace") for name, path in _below(run / kind, "")}
        for kind in ("params", "tags")
    }
    found["tags"] = {name: text for name, text in found["tags"].items() if not name.startswith("mlflow.")}
    return found if any(found.values()) else {}


def _write_yaml(path: Path, content: Mapping[str, object]) -> None:
    path.parent.mkdir(parents=True)
    path.write_text("".join(f"{key}: {json.dumps(value)}\n" for key, value in content.items()), encoding="utf-8")


def _point(line: bytes) -> tuple[int, float, float] | None:
    """Return time in ms, value and step of a line of a metric's file; None where it is none."""
    words = line.decode("utf-8", "replace").split()
    numbers = [as_number(word) for word in words[:3]]
    if len(numbers) < 2 or numbers[0] is None or numbers[1] is None:
        return None
    step = numbers[2] if len(numbers) > 2 and numbers[2] is not None else 0.0
    return int(numbers[0]), numbers[1], step
