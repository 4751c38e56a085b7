"""Measures ``optuna.visualization``'s figures of hyperparameters beside those of the sweep's report.

    python -m tests.benchmarks.optuna_figures [--trials 40 2000]

Each is drawn from the trials of ``tests.helpers.large_sweep``, of its most important hyperparameters: CPU seconds,
size as JSON, number of traces. Below them is what Optuna's figures of a metric to minimize show, with losses of
1,000 where training diverges. Needs no service; takes a minute.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations
from statistics import median
from typing import Any

import optuna
from optuna import visualization

from cluster.report.parameters import distribution, pairs, parallel, slices
from cluster.report.parameters.axes import drawn, names
from cluster.report.records import Records
from cluster.sweep.reading import Reading
from cluster.terminal.records import Row
from search_spaces.samplers.history import Observation
from search_spaces.samplers.optuna_trials import frozen_trial
from search_spaces.types.objective import Objective
from tests.helpers.large_sweep import DIVERGES_ABOVE, large_sweep
from tracking.pages.page import Section

LOSS = Objective("val_loss", "minimize")
DIVERGED_LOSS = 1000.0


def main() -> None:
    """Print a table for each number of trials."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, nargs="+", default=[40, 2000])
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for trials in parser.parse_args().trials:
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            _measure(Records(Reading.of(large_sweep(f"trials={trials}"))))


def _measure(records: Records) -> None:
    rows, known = drawn(records), names(records)
    inside = [row for row in rows if records.sweep.space.contains(row.params)]
    study = _study(records, [(row, float(row.best_value or 0.0)) for row in inside], records.objective)
    print(f"\n{len(records.rows)} trials, {len(rows)} with a value, {len(inside)} of them in the search space\n")
    print("| figure | CPU s | kB | traces | ours: CPU s | kB | traces |\n|---|---|---|---|---|---|---|")
    two, three, four = known[:2], known[:3], known[:4]
    parts: tuple[tuple[str, Callable[[], Sequence[Any]], Callable[[Records], Section | None]], ...] = (
        ("contour of 2", lambda: [visualization.plot_contour(study, two)], pairs.contour),
        ("rank, 3 pairs", lambda: _ranks(study, three), pairs.rank),
        ("rank, a grid of 3", lambda: [visualization.plot_rank(study, three)], pairs.rank),
        ("slices of 4 (ours of 6)", lambda: [visualization.plot_slice(study, four)], slices.section),
        ("parallel, of all", lambda: [visualization.plot_parallel_coordinate(study, known)], parallel.section),
        ("parallel, of 4", lambda: [visualization.plot_parallel_coordinate(study, four)], parallel.section),
        ("distribution", lambda: [visualization.plot_edf(study)], distribution.section),
    )
    for name, theirs, ours in parts:
        print(f"| {name} | {_row(theirs)} | {_row(partial(_ours, ours, records))} |")
    _tell_losses(records, inside, two, study)


def _ranks(study: optuna.Study, params: Sequence[str]) -> list[Any]:
    return [visualization.plot_rank(study, list(pair)) for pair in combinations(params, 2)]


def _ours(draw: Callable[[Records], Section | None], records: Records) -> Sequence[Any]:
    section = draw(records)
    return section.figures if section else []


def _row(draw: Callable[[], Sequence[Any]]) -> str:
    began = time.process_time()
    figures = draw()
    seconds = time.process_time() - began
    size = sum(len(figure.to_json()) for figure in figures)
    return f"{seconds:.2f} | {size / 1000:,.0f} | {sum(len(figure.data) for figure in figures)}"


def _study(records: Records, valued: Sequence[tuple[Row, float]], objective: Objective) -> optuna.Study:
    """Return Optuna's study of trials and their values; of trials in the space, as it refuses others."""
    study, space = optuna.create_study(direction=objective.goal), records.sweep.space
    seen = [Observation(row.params, "done", {}, value) for row, value in valued]
    study.add_trials([frozen_trial(space, one, [objective]) for one in seen])
    return study


def _tell_losses(records: Records, rows: Sequence[Row], two: Sequence[str], accuracies: optuna.Study) -> None:
    """Say how fine the distribution of losses is where it matters, and what colours of ranks mean."""
    valued = [(row, _loss(row)) for row in rows]
    study = _study(records, valued, LOSS)
    middle = median(loss for _, loss in valued)
    grid = list(visualization.plot_edf(study).data[0].x)
    better = sum(x <= middle for x in grid)
    print(f"\ndistribution of losses: {better} of {len(grid)} points are in the better half of the trials")
    for name, of, signed in (("losses", study, 1), ("accuracies", accuracies, -1)):
        colours = visualization.plot_rank(of, list(two)).data[0].marker.color
        values = [signed * float(trial.value or 0.0) for trial in of.trials if trial.params.keys() >= set(two)]
        best, worst = (colours[values.index(end(values))] for end in (min, max))
        print(f"rank of {name}: the best trial is {best}, the worst {worst}")


def _loss(row: Row) -> float:
    lr, accuracy = float(str(row.params["lr"])), float(row.best_value or 0.0)
    return DIVERGED_LOSS if lr > DIVERGES_ABOVE else -math.log(max(accuracy, 1e-6))


if __name__ == "__main__":
    main()
