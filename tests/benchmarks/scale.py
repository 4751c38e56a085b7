"""Measures what grows: trials, parameters, runs in MLflow, rows and columns; beside an earlier version of the code.

    python -m tests.benchmarks.scale [--base FOLDER] [--trials 1500] [--parameters 200] [--runs 50000]
        [--rows 1000000] [--columns 5000] [--repeats 3] [--only sweep alone store data]

``--base`` is a folder with that version, as ``git worktree add`` makes one. Most figures are CPU seconds: beside
other work they tell more than seconds. Prints a Markdown table, then one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

from tests.benchmarks.commands import MIB, REPOSITORY
from tests.benchmarks.reading import write

SAMPLE_EVERY_S = 0.1
EPOCHS = 5
COPIED = {
    "runs": "new",
    "tags": "key, new",
    "params": "key, new",
    "latest_metrics": "key, new",
    "metrics": "key, timestamp, step, new",
}
"""Tables of MLflow's with a row, or several, for each run, and the order of their keys."""
WORKLOAD = """
from dataclasses import field, make_dataclass, replace
from tests.benchmarks.noop import NOOP, NoopHyperparameters

fields = [(f"x{k:03}", float, field(default=0.5, metadata={"doc": "nothing", "rule": {}})) for k in range(%d)]
Many = make_dataclass("Many", fields, bases=(NoopHyperparameters,), frozen=True, kw_only=True)
MANY = replace(NOOP, name="many", hyperparameters=Many, space={"lr": {"min": 1e-4, "max": 1e-1, "log": True}})
"""
"""The workload that trains next to nothing, with many hyperparameters; the earlier version reads it, too."""
READY = """
import sys, time
try:
    from search_spaces.spec.data import Data
    from workloads.data.prepare import prepare
except ImportError:  # before the code had rooms
    from search_spaces.data import Data
    from workloads.data import prepare
begun, cpu = time.perf_counter(), time.process_time()
prepare(Data(csv=sys.argv[1], target="y"))
print(time.perf_counter() - begun, time.process_time() - cpu)
"""


@dataclass(frozen=True)
class Row:
    """A measured figure, its goal ("" for none) and the same figure of the base, if there is one."""

    what: str
    unit: str
    goal: float | None
    found: float
    base: float | None = None

    def __str__(self) -> str:
        goal = "" if self.goal is None else f"{self.goal:g}: {'met' if self.found <= self.goal else 'missed'}"
        base = "" if self.base is None else f"{self.base:.2f} | {self.found / self.base:.2f}"
        return f"| {self.what} | {self.unit} | {self.found:.2f} | {goal} | {base or '|'} |"


@dataclass(frozen=True)
class Code:
    """A version of the code, in a folder."""

    folder: Path

    def environment(self) -> dict[str, str]:
        """Return the environment of its commands."""
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "RAY_ADDRESS"))
        }
        return {**kept, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(self.folder)}

    def start(self, here: Path, *words: str) -> psutil.Popen:
        """Start ``paceline`` in a folder."""
        order = [sys.executable, "-m", "cluster.cli", *words]
        with (here / "out.txt").open("w") as out:
            return psutil.Popen(order, cwd=here, env=self.environment(), stdout=out, stderr=subprocess.STDOUT)

    def cpu_s(self, here: Path, *words: str) -> float:
        """Return the CPU seconds of a command."""
        process = self.start(here, *words)
        _, status, used = os.wait4(process.pid, 0)
        if status:
            raise RuntimeError(f"{words} ended with {status}: {(here / 'out.txt').read_text()[-2000:]}")
        return used.ru_utime + used.ru_stime


def spec(options: argparse.Namespace, cohort: int, num_parameters: int) -> dict[str, Any]:
    """Return a sweep at random of trials that train nothing."""
    space: dict[str, Any] = {f"x{k:03}": {"min": 0.0, "max": 1.0} for k in range(num_parameters - 1)}
    return {
        "name": "scale",
        "workload": "many:MANY",
        "data": {"name": "wine"},
        "metric": {"name": "val_accuracy"},
        "parameters": {"lr": {"min": 1e-4, "max": 1e-1, "log": True}, **space},
        "method": "random",
        "trials": options.trials,
        "epochs": EPOCHS,
        "seed": 0,
        "cohort": cohort,
        "max_concurrent": 2,
        "early_terminate": "none",
        "final": "none",
    }


@dataclass
class Driven:
    """A driver from its start to its end: time since 1970 and CPU seconds, sampled, and its peak memory."""

    samples: list[tuple[float, float]]
    peak_mib: float = 0.0

    def cpu_at(self, moment: float) -> float:
        """Return the CPU seconds until then, between two samples by the line through them."""
        for (before, used), (after, more) in pairwise(self.samples):
            if before <= moment <= after:
                return used + (more - used) * (moment - before) / (after - before)
        return self.samples[-1][1]


def drive(code: Code, here: Path, *words: str) -> Driven:
    """Run a command that drives a sweep, and watch its process."""
    process = code.start(here, *words)
    driven = Driven([(time.time(), 0.0)])
    while process.poll() is None:
        with suppress(psutil.Error, OSError):
            used = process.cpu_times()
            driven.samples.append((time.time(), used.user + used.system))
            lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
            peaks = [int(line.split()[1]) * 1024 / MIB for line in lines if line.startswith("VmHWM")]
            driven.peak_mib = max([driven.peak_mib, *peaks])
        time.sleep(SAMPLE_EVERY_S)
    if process.returncode:
        raise RuntimeError(f"{words} ended with {process.returncode}: {(here / 'out.txt').read_text()[-2000:]}")
    return driven


def times(home: Path, kind: str) -> list[float]:
    """Return when each event of a kind was written to the sweep's spool, in seconds since 1970."""
    spool = home / "spool" / "events.jsonl"
    events = (json.loads(line) for line in spool.open())
    return [event["time"] / 1000 for event in events if event["kind"] == kind]


def sweep(code: Code, options: argparse.Namespace, cohort: int, num_parameters: int) -> dict[str, float]:
    """Run a sweep, look at it, and give it more trials. Returns the figures."""
    with tempfile.TemporaryDirectory(prefix="paceline-scale-") as folder:
        here = Path(folder)
        (here / "many.py").write_text(WORKLOAD % num_parameters)
        (here / "sweep.yaml").write_text(json.dumps(spec(options, cohort, num_parameters)))
        driven = drive(code, here, "run", "sweep.yaml", "--quiet")
        [home] = here.glob(".paceline/*")
        found = slopes(driven, times(home, "state")) | {"driver": driven.peak_mib}
        for command in ("show", "ls"):
            code.cpu_s(here, command)  # once, so that everything is compiled and cached
            found[command] = statistics.median(code.cpu_s(here, command) for _ in range(options.repeats))
        before, begun = len(times(home, "trial")), time.time()
        resumed = drive(code, here, "resume", "--trials", "+32", "--quiet")
        first = times(home, "trial")[before]
        return found | {"leg": resumed.cpu_at(first), "leg_s": first - begun, "resumed": resumed.peak_mib}


def slopes(driven: Driven, ended: Sequence[float]) -> dict[str, float]:
    """Return the driver's CPU and all time of a trial, in ms, in the second and the last fifth of those ended."""
    fifth = len(ended) // 5
    found = {}
    for name, (first, last) in {"early": (fifth, 2 * fifth), "late": (4 * fifth, len(ended) - 1)}.items():
        a, b = ended[first], ended[last]
        found[f"{name}_cpu"] = 1000 * (driven.cpu_at(b) - driven.cpu_at(a)) / (last - first)
        found[f"{name}_s"] = 1000 * (b - a) / (last - first)
    return found


def sweep_rows(code: Code, base: Code | None, options: argparse.Namespace) -> Iterator[Row]:
    """Yield the rows of one large sweep in cohorts of 32."""
    size = f"{options.trials} trials of {EPOCHS} epochs, {options.parameters} parameters"
    found = [sweep(one, options, 32, options.parameters) for one in (code, base) if one]
    yield from growth(f"{size}, cohorts of 32", found)
    goals = (
        ("show", "`show`", "CPU s", 1.5),
        ("ls", "`ls`", "CPU s", 1.5),
        ("leg", "resume until its first leg, the driver", "CPU s", 15.0),
        ("leg_s", "the same", "s", 15.0),
        ("driver", "driver's peak memory", "MiB", 400.0),
        ("resumed", "the same, resumed", "MiB", 400.0),
    )
    for key, what, unit, goal in goals:
        yield Row(what, unit, goal, *(one[key] for one in found))


def growth(what: str, found: Sequence[dict[str, float]]) -> Iterator[Row]:
    """Yield what a trial costs and how that grows with the number of trials."""
    yield Row(f"{what}: a trial in the last fifth, the driver", "CPU ms", None, *(one["late_cpu"] for one in found))
    ratios = [(one["late_cpu"] / one["early_cpu"], one["late_s"] / one["early_s"]) for one in found]
    yield Row("the same by one in the second fifth", "x", 1.2, *(cpu for cpu, _ in ratios))
    yield Row("the same in time", "x", 1.2, *(seconds for _, seconds in ratios))


def alone_rows(code: Code, base: Code | None, options: argparse.Namespace) -> Iterator[Row]:
    """Yield the rows of a sweep whose trials train alone."""
    found = [sweep(one, options, 1, 2) for one in (code, base) if one]
    yield from growth(f"{options.trials} trials of {EPOCHS} epochs, 2 parameters, each alone", found)


def fill(path: Path, num_runs: int) -> None:
    """Copy the runs of a store's one sweep, each copy as a sweep of its own, until there are so many.

    In the order of the tables' keys and without their indexes, which are made at the end: about 20 s for 50,000.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for setting in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-500000", "temp_store=MEMORY"):
            db.execute(f"PRAGMA {setting}")
        runs = [run for (run,) in db.execute("SELECT run_uuid FROM runs")]
        copies = range(num_runs // len(runs))
        db.execute("CREATE TEMP TABLE named (old TEXT, copy INTEGER, new TEXT, PRIMARY KEY (old, copy))")
        names = ((run, copy, uuid.uuid4().hex) for run in runs for copy in copies)
        db.executemany("INSERT INTO named VALUES (?, ?, ?)", names)
        indexes = db.execute("SELECT name, sql, tbl_name FROM sqlite_master WHERE type = 'index' AND sql NOT NULL")
        known = [(name, sql) for name, sql, table in indexes if table in COPIED]
        for name, _ in known:
            db.execute(f"DROP INDEX {name}")
        for table, order in COPIED.items():
            columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
            chosen = ", ".join(_copied(table, name) for name in columns)
            named = ", ".join(f'"{name}"' for name in columns)
            query = f"SELECT {chosen} FROM {table} JOIN named ON old = {table}.run_uuid ORDER BY {order}"
            db.execute(f"INSERT INTO {table} ({named}) {query}")
        for _, sql in known:
            db.execute(sql)


def _copied(table: str, column: str) -> str:
    """Return the SQL of a column's value in a copied row."""
    if column == "run_uuid":
        return "named.new"
    if table == "tags" and column == "value":
        parent = "SELECT above.new FROM named above WHERE above.old = tags.value AND above.copy = named.copy"
        return (
            "CASE tags.key WHEN 'sweep.id' THEN printf('copy%05d', named.copy) "
            f"WHEN 'mlflow.parentRunId' THEN ({parent}) ELSE tags.value END"
        )
    return f'{table}."{column}"'


def store(code: Code, options: argparse.Namespace, num_runs: int) -> dict[str, float]:
    """Run small sweeps in a store that holds so many runs of others."""
    with tempfile.TemporaryDirectory(prefix="paceline-scale-") as folder:
        here = Path(folder)
        (here / "many.py").write_text(WORKLOAD % 10)
        small = argparse.Namespace(trials=100)
        (here / "sweep.yaml").write_text(json.dumps(spec(small, 32, 10)))
        drive(code, here, "run", "sweep.yaml", "--quiet")
        fill(here / "mlflow.db", num_runs)
        commands = ("ls", "show", "repair", "doctor")
        found = {one: statistics.median(code.cpu_s(here, one) for _ in range(options.repeats)) for one in commands}
        runs, legs = [], []
        for _ in range(options.repeats):
            before = set(here.glob(".paceline/*"))
            driven = drive(code, here, "run", "sweep.yaml", "--quiet")
            [home] = set(here.glob(".paceline/*")) - before
            runs.append(driven.samples[-1][1])
            legs.append(driven.cpu_at(times(home, "trial")[0]))
        return found | {"run": statistics.median(runs), "leg": statistics.median(legs)}


def store_rows(code: Code, base: Code | None, options: argparse.Namespace) -> Iterator[Row]:
    """Yield the rows of a store with many runs."""
    found = [store(one, options, options.runs) for one in (code, base) if one]
    empty = store(code, options, 0)
    where = f"{options.runs:,} runs of others in MLflow"
    goals = (
        ("ls", f"`ls` with {where}, 100 to a sweep", 1.5, None),
        ("show", "`show` there", 1.5, 1.2),
        ("repair", "`repair` of a whole sweep there", None, 1.2),
        ("doctor", "`doctor` there", None, 1.2),
        ("leg", "a sweep there until its first leg, the driver", None, 1.2),
        ("run", "a sweep of 100 trials there, the driver", None, 1.2),
    )
    for key, what, most_s, most in goals:
        yield Row(what, "CPU s", most_s, *(one[key] for one in found))
        yield Row("the same by one in an empty store", "x", most, found[0][key] / empty[key])


def ready(code: Code, path: Path) -> float:
    """Return the CPU seconds until a file is ready to train."""
    order = [sys.executable, "-c", READY, str(path)]
    done = subprocess.run(order, env=code.environment(), check=True, capture_output=True, text=True)
    return float(done.stdout.split()[1])


def data_rows(code: Code, base: Code | None, options: argparse.Namespace) -> Iterator[Row]:
    """Yield the rows of large tables."""
    for rows, columns, before_s in ((options.rows, 20, 57), (2000, options.columns, 48)):
        with tempfile.TemporaryDirectory(prefix="paceline-scale-") as folder:
            path = Path(folder) / "table.csv"
            write(path, rows, columns)
            turns = [[ready(one, path) for one in (code, base) if one] for _ in range(options.repeats)]
        what = f"a CSV file of {rows:,} rows and {columns:,} columns ready to train"
        yield Row(what, "CPU s", round(before_s / 3), *map(statistics.median, zip(*turns, strict=True)))


ROWS: dict[str, Callable[[Code, Code | None, argparse.Namespace], Iterator[Row]]] = {
    "sweep": sweep_rows,
    "alone": alone_rows,
    "store": store_rows,
    "data": data_rows,
}


def main() -> None:
    """Measure as the command line says, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path)
    sizes = {"trials": 1500, "parameters": 200, "runs": 50_000, "rows": 1_000_000, "columns": 5000, "repeats": 3}
    for name, size in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=size)
    parser.add_argument("--only", nargs="+", choices=ROWS, default=list(ROWS))
    options = parser.parse_args()
    base = Code(options.base.resolve()) if options.base else None
    found = []
    print("| what | unit | found | goal | base | by the base |\n|---|---|---|---|---|---|", flush=True)
    for part in options.only:
        for row in ROWS[part](Code(REPOSITORY), base, options):
            print(row, flush=True)
            found.append(row)
    print(json.dumps([vars(row) for row in found]))


if __name__ == "__main__":
    main()
