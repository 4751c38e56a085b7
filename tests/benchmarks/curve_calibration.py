"""Measures how well the model of learning curves behind ``early_terminate: {type: curves}`` knows what it says.

    python -m tests.benchmarks.curve_calibration [--noise 0 1] [--repeats 10]

On LCBench's curves: of a search of 30 random configurations, each of which has come to a random one of EPOCHS, the
model predicts the value after the last epoch. Prints by the number of epochs known: the share of last values in the
model's 90 % interval, above and below it, the error beside that of taking the last known value, and of the trials
to which it gave a chance below 5 % of ending above the best known value the share that did.
"""

from __future__ import annotations

import argparse
from collections import defaultdict

import numpy as np
from scipy.special import stdtr

from search_spaces.schedules.learning_curves import LearningCurves
from tests.benchmarks.commands import DATA_ENV, data_folder
from tests.benchmarks.curves import EPOCHS, TASKS, Curves

KNOWN = (3, 5, 8, 12, 20, 30)
NUM = 30
CHANCE = 0.05


Row = tuple[int, float, float, float, bool, bool]


def judged(curves: np.ndarray, rng: np.random.Generator) -> list[Row]:
    """Return a row for each of the curves (n, T) that is cut: epochs, quantile, two errors, given up, wrongly."""
    horizon = curves.shape[1]
    cuts = rng.choice([*KNOWN, horizon], len(curves))
    begun = [dict(enumerate(curve[:cut].tolist(), 1)) for curve, cut in zip(curves, cuts, strict=True)]
    model, best = LearningCurves.of(begun, horizon), max(max(curve.values()) for curve in begun)
    found = []
    for curve, seen, cut in zip(curves, begun, cuts.tolist(), strict=True):
        if cut < horizon:
            mean, spread, freedom = model.predict(seen)
            end = max(float(curve[-1]), model.floor)
            given_up = max(seen.values()) < best and model.chance(seen, best) < CHANCE
            quantile = float(stdtr(freedom, (end - mean) / spread))
            found.append(
                (cut, quantile, abs(end - mean), abs(end - max(seen[cut], model.floor)), given_up, end > best)
            )
    return found


def table(rows: list[Row]) -> list[str]:
    """Return a line for each number of epochs known."""
    by_cut: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        by_cut[row[0]].append(row)
    lines = []
    for cut, those in sorted(by_cut.items()):
        quantiles = np.array([row[1] for row in those])
        inside = np.mean(np.abs(quantiles - 0.5) < 0.45)
        error, last = np.mean([row[2] for row in those]), np.mean([row[3] for row in those])
        stopped = [row[5] for row in those if row[4]]
        wrong = np.mean(stopped) if stopped else 0.0
        lines.append(
            f"| {cut} | {len(those)} | {inside:.2f} | {np.mean(quantiles > 0.95):.2f} | "
            f"{np.mean(quantiles < 0.05):.2f} | {error:.2f} | {last:.2f} | {len(stopped) / len(those):.2f} | "
            f"{wrong:.3f} |"
        )
    return lines


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--noise", nargs="+", type=float, default=[0.0, 1.0], help="points of accuracy")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--data", help=f"folder that holds lcbench; else ${DATA_ENV}")
    options = parser.parse_args()
    folder = data_folder(options.data, "lcbench") / "lcbench"
    for noise in options.noise:
        rows = []
        for task in TASKS:
            source, rng = Curves(folder, task), np.random.default_rng([0, int(task)])
            for _ in range(options.repeats):
                points = source.points(rng.random((NUM, len(source.space.domains))))
                epochs = np.tile(np.arange(1, EPOCHS + 1), NUM)
                drawn = source.after(np.repeat(points, EPOCHS, axis=0), epochs).reshape(NUM, EPOCHS)
                rows += judged(drawn + rng.normal(0, noise, drawn.shape), rng)
        print(f"noise of {noise:g} points")
        print("| epochs known | curves | in 90 % | above | below | error | of the last value | stopped | wrongly |")
        print("|---" * 9 + "|")
        print("\n".join(table(rows)))


if __name__ == "__main__":
    main()
