"""The sweep that faults strike: its folder, the lives of its driver, and what its function has trained."""

from __future__ import annotations

import re
import secrets
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.chaos import own_function
from tests.chaos.without_ray import Command
from tests.helpers.commands import Folder, clean_environment
from tests.helpers.kill_processes import records
from tests.helpers.orphans import TOKEN, alive, orphans

RATES = (0.01, 0.02, 0.03, 0.04, 0.05, 0.06)
NUM_TRIALS, NUM_EPOCHS = len(RATES), 6
SPEC = f"""
name: chaos
workload: own_function:train
data: {{csv: rows.csv, target: y}}
method: grid
metric: {{name: val_accuracy, goal: maximize}}
parameters: {{lr: {{values: {list(RATES)}}}}}
early_terminate: {{type: asha, min_iter: 1, eta: 2}}
max_concurrent: 2
epochs: {NUM_EPOCHS}
trial_timeout: 15s
grace: 2s
final: none
"""
ROWS = "x,y\n" + "".join(f"{i},{'ab'[i % 2]}\n" for i in range(40))
PATIENCE_S = 150.0


@dataclass
class Life:
    """One process of a driver: its words, and after its end its exit code, what it said, and how long it lived."""

    words: tuple[str, ...]
    process: subprocess.Popen[str] | Command
    begun: float
    out: Path
    num_before: int
    """Number of epochs that were trained before it."""
    study_before: Mapping[int, Mapping[str, Any]]
    """Each trial's progress in the journal before it."""
    ended: float = 0.0
    first_epoch_s: float | None = None
    """Seconds until its first trained epoch."""
    struck: bool = False
    """Whether a fault struck while it ran."""

    @property
    def code(self) -> int | None:
        """Exit code, or minus the signal; None while it runs."""
        return self.process.poll()

    @property
    def said(self) -> str:
        """All that it wrote to stdout and stderr."""
        return self.out.read_text(errors="replace")


@dataclass
class Arena:
    """A folder with the harness's sweep."""

    path: Path
    has_ray: bool = True
    """Whether commands are those of users; otherwise they run without Ray."""
    on_small_disk: bool = False
    """Whether the folder is on a disk of its own, small enough to be filled."""
    lives: list[Life] = field(default_factory=list)

    @classmethod
    def made(cls, path: Path, has_ray: bool = True, on_small_disk: bool = False) -> Arena:
        """Make the folder with spec, data and function in it."""
        path.mkdir(parents=True)
        (path / "sweep.yaml").write_text(SPEC)
        (path / "rows.csv").write_text(ROWS)
        shutil.copy(str(own_function.__file__), path / "own_function.py")
        return cls(path, has_ray, on_small_disk)

    def __post_init__(self) -> None:
        self.token = secrets.token_hex(8)
        self.env: dict[str, str] = {}

    @property
    def folder(self) -> Folder:
        """The folder, as other tests read it."""
        return Folder(self.path)

    @property
    def home(self) -> Path | None:
        """The home of the sweep, which faults may take two files of; None while there is none."""
        homes, kept = self.path / ".paceline", ("sweep.json", "sweep.yaml", "journal.log")
        return next((path.parent for name in kept for path in homes.glob(f"*/{name}")), None)

    def move(self, new: Path) -> None:
        """Rename the folder, between two lives."""
        self.path.rename(new)
        self.path = new
        for life in self.lives:
            life.out = new / life.out.name

    def begin(self, *words: str) -> Life:
        """Start ``paceline`` with these arguments."""
        out = self.path / f"life{len(self.lives)}.txt"
        process = self._started(words, out)
        self.lives.append(Life(words, process, time.monotonic(), out, len(self.trained()), self.study()))
        return self.life

    def _started(self, words: tuple[str, ...], out: Path) -> subprocess.Popen[str] | Command:
        environment = {TOKEN: self.token, **self.env}
        if not self.has_ray:
            return Command.begun(words, self.path, {**clean_environment(), **environment}, out)
        with out.open("w") as file:
            return self.folder.start(*words, out=file, **environment)

    @property
    def life(self) -> Life:
        """The last life."""
        return self.lives[-1]

    @property
    def alive(self) -> bool:
        """Whether the last driver is running."""
        return bool(self.lives) and self.life.code is None

    def wait(self, condition: Callable[[], bool], timeout_s: float = PATIENCE_S) -> bool:
        """Wait until ``condition`` holds; return False if the driver ends first. AssertionError on timeout."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self.life.first_epoch_s is None and len(self.trained()) > self.life.num_before:
                self.life.first_epoch_s = time.monotonic() - self.life.begun
            if not self.alive:
                self.life.ended = self.life.ended or time.monotonic()
                return False
            if condition():
                return True
            time.sleep(0.02)
        raise AssertionError(f"`{' '.join(self.life.words)}` does not end, or get on:\n{self.life.said[-3000:]}")

    def end(self) -> int:
        """Wait for the driver's end, and return its exit code."""
        self.wait(lambda: False)
        code = self.life.code
        assert code is not None
        return code

    def trained(self) -> list[Mapping[str, Any]]:
        """Return the epochs that the function has trained, in order."""
        path = self.path / own_function.LEDGER
        return records(path)[0] if path.exists() else []

    def below(self) -> list[psutil.Process]:
        """Return all processes that the driver has started, directly or not."""
        ours = [pid for pid, _ in alive(self.token, self.path) if pid != self.life.process.pid]
        return [psutil.Process(pid) for pid in ours if psutil.pid_exists(pid)]

    def named(self, pattern: str) -> list[psutil.Process]:
        """Return the processes below the driver whose command line or name matches ``pattern``, by process ID."""
        found = []
        for process in self.below():
            with suppress(psutil.NoSuchProcess):
                if re.search(pattern, " ".join(process.cmdline())) or re.search(pattern, process.name()):
                    found.append(process)
        return sorted(found, key=lambda one: one.pid)

    def orphans(self) -> list[str]:
        """Return the processes of the sweep that are alive 10 s after its last driver's end, by ID and command."""
        return orphans(self.token, self.path, self.life.ended)

    def bury(self) -> None:
        """Kill whatever is left of the sweep."""
        for pid, _ in alive(self.token, self.path):
            with suppress(psutil.Error):
                psutil.Process(pid).kill()

    def study(self) -> dict[int, Mapping[str, Any]]:
        """Return each trial's last progress in the journal, by number, as far as the journal can be read."""
        found: dict[int, Mapping[str, Any]] = {}
        home = self.home
        if home is None or not (home / "journal.log").exists():
            return found
        for record in records(home / "journal.log")[0]:
            with suppress(AttributeError, KeyError, TypeError):
                if "progress" in record.get("user_attr", {}):
                    found[record["trial_id"]] = record["user_attr"]["progress"]
        return found


def metrics(path: Path) -> dict[str, dict[str, dict[int, float]]]:
    """Return every metric of MLflow's active trial runs: values by step, by key, by run."""
    folder = Folder(path)
    found: dict[str, dict[str, dict[int, float]]] = {}
    with closing(sqlite3.connect(path / "mlflow.db")) as db:
        for key, run in folder.runs("trial").items():
            rows = db.execute("select key, step, value from metrics where run_uuid = ?", (run["run_id"],))
            for name, step, value in rows:
                found.setdefault(key, {}).setdefault(name, {})[step] = value
    return found
