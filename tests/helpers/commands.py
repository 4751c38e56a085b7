"""Runs ``paceline`` as a user does, in a folder of its own, and reads what the command left there."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

from cluster.cli.main import main
from search_spaces.types.trial_names import key_of_name
from tests.helpers.paths import ROOT


def clean_environment() -> dict[str, str]:
    """Return this process's environment without the variables of MLflow and Ray, which other tests may have set."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "RAY_"))}


def told(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    """Run a command in this process, which ends with ``code``; return what it printed, or its error."""
    capsys.readouterr()
    assert main(words) == code
    found = capsys.readouterr()
    return found.out if code == 0 else found.err


@dataclass(frozen=True)
class Folder:
    """A working folder with a spec in it."""

    path: Path

    def write(self, text: str, name: str = "sweep.yaml") -> None:
        (self.path / name).write_text(text)

    def start(self, *words: str, out: IO[str] | None = None, **env: str) -> subprocess.Popen[str]:
        """Start ``paceline`` with these arguments, in a process group of its own; ``out`` takes what it says."""
        return subprocess.Popen(
            [sys.executable, "-m", "cluster.cli", *words],
            cwd=self.path,
            env={**clean_environment(), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **env},
            stdout=out or subprocess.PIPE,
            stderr=out or subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def paceline(self, *words: str, timeout_s: float = 900, **env: str) -> subprocess.CompletedProcess[str]:
        """Run ``paceline`` with these arguments to its end."""
        process = self.start(*words, **env)
        out, err = process.communicate(timeout=timeout_s)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def document(self, *words: str, code: int = 0, **env: str) -> dict[str, Any]:
        """Run ``paceline`` with ``--json`` and return its document; the exit code must be ``code``."""
        done = self.paceline(*words, "--json", **env)
        assert done.returncode == code, f"{done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def runs(self, role: str) -> dict[str, dict[str, str]]:
        """Return MLflow's active runs of a role, by key, from its database: tags, ``status`` and ``run_id``."""
        with closing(sqlite3.connect(self.path / "mlflow.db")) as db:
            found: dict[str, dict[str, str]] = {}
            for run_id, status in db.execute("select run_uuid, status from runs where lifecycle_stage = 'active'"):
                tags = dict(db.execute("select key, value from tags where run_uuid = ?", (run_id,)))
                if tags.get("sweep.role") == role:
                    key = key_of_name(tags.get("trial.name", tags["sweep.id"]))
                    assert key not in found, f"{key} has a twin"
                    found[key] = {**tags, "status": status, "run_id": run_id}
        return found

    def open_to_others(self) -> list[str]:
        """Return what other users of this machine can open, of all that Paceline has made in the folder."""
        tops = [self.path / name for name in (".paceline", "mlflow.db", "mlruns")]
        modes = {path: path.stat().st_mode & 0o777 for top in tops for path in (top, *top.rglob("*"))}
        return [f"{path.relative_to(self.path)} {mode:o}" for path, mode in modes.items() if mode & 0o077]

    def steps(self, run_id: str, metric: str) -> list[int]:
        """Return the epochs at which a run has the metric, the oldest value first."""
        query = "select step from metrics where run_uuid = ? and key = ? order by timestamp, step"
        with closing(sqlite3.connect(self.path / "mlflow.db")) as db:
            return [step for (step,) in db.execute(query, (run_id, metric))]

    def points(self, run_id: str, metric: str) -> list[float]:
        """Return every stored value of a run's metric, the oldest first."""
        query = "select value from metrics where run_uuid = ? and key = ? order by timestamp, step"
        with closing(sqlite3.connect(self.path / "mlflow.db")) as db:
            return [value for (value,) in db.execute(query, (run_id, metric))]

    def champions(self, name: str) -> list[str]:
        """Return the sweep of each registered version of a model; the last version must be the champion."""
        with closing(sqlite3.connect(self.path / "mlflow.db")) as db:
            tags = "select version, value from model_version_tags where name = ? and key = 'sweep.id'"
            found = sorted(db.execute(tags, (name,)))
            versions = sorted(
                row[0] for row in db.execute("select version from model_versions where name = ?", (name,))
            )
            [[alias]] = db.execute(
                "select version from registered_model_aliases where name = ? and alias = 'champion'", (name,)
            )
        assert [version for version, _ in found] == versions
        assert int(alias) == versions[-1]
        return [sweep_id for _, sweep_id in found]

    def study_states(self, sweep_id: str) -> dict[int, str]:
        """Return each trial's state by number, as Optuna reads them from the journal."""
        import optuna

        backend = optuna.storages.journal.JournalFileBackend(
            str(self.path / ".paceline" / sweep_id / "journal.log")
        )
        study = optuna.load_study(study_name=sweep_id, storage=optuna.storages.JournalStorage(backend))
        return {trial.number: trial.state.name for trial in study.trials}


STATE_NAMES = {"done": "COMPLETE", "stopped": "PRUNED", "failed": "FAIL"}
STATUSES = {"done": "FINISHED", "stopped": "FINISHED", "failed": "FAILED"}


def agree(folder: Folder, document: dict[str, Any], num_trials: int, in_order: bool = True) -> None:
    """Check that Optuna, MLflow and the document have the same trials, all ended, with each epoch once.

    ``in_order`` says that MLflow got the epochs in their order.
    """
    trials = {trial["number"]: trial for trial in document["trials"]}
    assert sorted(trials) == list(range(num_trials))
    states = folder.study_states(document["sweep"])
    assert states == {number: STATE_NAMES[trial["state"]] for number, trial in trials.items()}
    runs = folder.runs("trial")
    assert sorted(runs) == [f"t{number:04d}" for number in range(num_trials)]
    for number, trial in trials.items():
        run = runs[f"t{number:04d}"]
        assert run["trial.state"] == trial["status"]
        assert run["status"] == STATUSES[trial["state"]]
        assert run["run_id"] == trial["run_id"]
        assert run.get("trial.failure") == (trial["failure"] or {}).get("kind")
        if trial["state"] != "failed":
            steps = folder.steps(run["run_id"], document["metric"]["name"])
            assert (steps if in_order else sorted(steps)) == list(range(1, trial["epochs"] + 1)), (number, steps)
    assert all(run["status"] != "RUNNING" for role in ("sweep", "final") for run in folder.runs(role).values())
