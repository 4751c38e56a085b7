"""Measures ``show``, ``best`` and ``ls`` beside an MLflow store that holds a run for each of 2,000 trials.

    python -m tests.benchmarks.store_of_runs [--trials 2000] [--epochs 50] [--sweeps 1] [--repeats 5]

With ``--sweeps 50`` the trials are those of 50 sweeps in one folder and one store. Nothing is trained; the store is
real, with every trial's curve. Prints a Markdown table of medians. Beside other work CPU seconds tell more.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from cluster.sweep import reading
from cluster.sweep.home import SweepHome
from cluster.sweep.tracker import header
from search_spaces.study.study import Study
from search_spaces.types.trial_names import trial_key
from tests.benchmarks.report import measure
from tests.helpers.large_sweep import CARD, large_sweep
from tracking import names
from tracking.writer.writer import Writer

URI = "sqlite:///mlflow.db"


def fill(home: SweepHome) -> int:
    """Write a run of each trial of the sweep to MLflow, with all epochs. Returns their number."""
    sweep = home.sweep()
    metric, study = sweep.metric.name, Study(home.id, sweep.goals, home.journal, writing=False)
    found = reading.rows(study, sweep.objective, live=False)
    writer = Writer(URI, home.spool, header(home, sweep, CARD), print)
    for row in found:
        key = trial_key(row.number)
        writer.trial(key, row.number, "trial", row.params)
        for epoch, value in enumerate(row.curve, 1):
            writer.epoch(key, epoch, {metric: value, names.SECONDS: row.seconds})
        best = {} if row.best_value is None else {names.best(metric): row.best_value}
        writer.state(key, row.state, best, row.failure)
    assert writer.close(600)
    return len(found)


def main() -> None:
    """Make the sweeps and their runs, and measure every command."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("trials", 2000), ("epochs", 50), ("sweeps", 1), ("repeats", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="paceline-bench-") as folder:
        os.chdir(folder)
        each = (f"trials={given.trials // given.sweeps}", f"epochs={given.epochs}")
        homes = [large_sweep(*each, tracking={"uri": URI}) for _ in range(given.sweeps)]
        num_runs, size_mb = sum(map(fill, homes)), Path("mlflow.db").stat().st_size / 1e6
        title = f"{given.sweeps} of {num_runs:,} runs, {size_mb:.0f} MB"
        print("| sweeps | command | seconds | CPU s | peak MiB | |\n|---|---|---|---|---|---|")
        for words in (["show", homes[0].id], ["show", homes[0].id, "--json"], ["best", homes[0].id], ["ls"]):
            print(measure(title, Path(folder), words, given.repeats), flush=True)


if __name__ == "__main__":
    main()
