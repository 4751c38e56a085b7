"""Whole sweeps of the digits perceptron: Paceline against Ray Tune as documented, Ray Tune tuned, Optuna's threads.

    python -m tests.benchmarks.peers [--trials 64 256] [--pairs 5] [--lanes 2 1] [--systems ...]

Everybody has the same space, split, number of trials, epochs and lanes, and one thread a lane. A pair is one seed:
every system at every size, in an order that turns from pair to pair. Every winner is judged alike, outside of the
clock. The documented peer takes minutes: ``--slow-trials`` and ``--slow-pairs`` are its own sizes.
Prints Markdown tables, then one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.benchmarks.commands import Ran, in_fresh_folder, paceline
from tests.benchmarks.digits import EPOCHS, PARAMETERS, test_accuracy

JUDGE_SEEDS = range(1001, 1006)
OURS, VERDICT, SLOW = "paceline", "paceline+verdict", "ray-documented"
PEERS = {
    SLOW: "tests.benchmarks.peer_ray_documented",
    "ray-tuned": "tests.benchmarks.peer_ray_tuned",
    "optuna-threads": "tests.benchmarks.peer_optuna_threads",
}
SYSTEMS = (OURS, VERDICT, *PEERS)
GOALS = {
    SLOW: "total 15 at 64, slope 60",
    "ray-tuned": "total 2 at 64, 5 at 256, slope 10",
    "optuna-threads": "slope 6",
}


@dataclass(frozen=True)
class Job:
    """A sweep to run: which system, how many trials and lanes, and its seed."""

    system: str
    trials: int
    lanes: int
    seed: int


@dataclass(frozen=True)
class Result:
    """Result of a job: ``verdict_acc`` by Paceline's verdict, ``test_accuracy`` by one judge for all systems."""

    job: Job
    seconds: float
    best_val_accuracy: float
    test_accuracy: float
    driver_mib: float
    lane_mib: float
    verdict_acc: float | None = None
    parts: dict[str, float] = field(default_factory=dict)


def spec(job: Job) -> dict[str, Any]:
    """Return the spec of Paceline's sweep: all tracked, with a verdict only where the job names it."""
    found = {
        "workload": "mlp",
        "data": {"name": "digits"},
        "metric": {"name": "val_accuracy", "goal": "maximize"},
        "parameters": {**PARAMETERS, "optimizer": "adam", "depth": 2, "width": 64},
        "trials": job.trials,
        "epochs": EPOCHS,
        "seed": job.seed,
        "max_concurrent": job.lanes,
        "early_terminate": "none",
    }
    return found if job.system == VERDICT else {**found, "final": "none"}


def run(job: Job) -> Result:
    """Run the job and measure its winner's test accuracy."""
    if job.system in PEERS:
        words = {"trials": job.trials, "seed": job.seed, "lanes": job.lanes}
        options = [text for name, value in words.items() for text in (f"--{name}", str(value))]
        ran = in_fresh_folder([sys.executable, "-m", PEERS[job.system], *options], {})
        assert ran.document["trials"] == job.trials, ran.document
        return _result(job, ran, ran.document["best_val_accuracy"], ran.document["params"])
    ran = paceline(spec(job))
    assert len(ran.document["trials"]) == job.trials and ran.document["state"] == "finished", ran.document
    return _result(job, ran, ran.document["best"]["value"], ran.document["best"]["params"])


def _result(job: Job, ran: Ran, best: float, params: dict[str, Any]) -> Result:
    verdict = ran.document.get("verdict")
    return Result(
        job=job,
        seconds=ran.seconds,
        best_val_accuracy=best,
        test_accuracy=test_accuracy({"momentum": 0.9, "dropout": 0.0, "weight_decay": 0.0, **params}, JUDGE_SEEDS),
        driver_mib=ran.driver_mib,
        lane_mib=ran.lane_mib,
        verdict_acc=verdict["winner"]["mean"] if verdict else None,
        parts=ran.document.get("cost", {}).get("parts", {}),
    )


def jobs(options: argparse.Namespace) -> Iterable[Job]:
    """Yield the jobs pair by pair; each pair runs all systems, beginning with the next one each time."""
    for pair in range(max(options.pairs, options.slow_pairs)):
        turned = [options.systems[(pair + i) % len(options.systems)] for i in range(len(options.systems))]
        for lanes in options.lanes:
            for system in turned:
                slow = system == SLOW
                if pair < (options.slow_pairs if slow else options.pairs):
                    for trials in options.slow_trials if slow else options.trials:
                        yield Job(system, trials, lanes, pair)


def values(results: Sequence[Result], job: Job, of: Callable[[Result], float | None]) -> dict[int, float]:
    """Return the results' values ``of``, by seed, for the job's system, number of trials and lanes."""
    same = [r for r in results if (r.job.system, r.job.trials, r.job.lanes) == (job.system, job.trials, job.lanes)]
    return {r.job.seed: found for r in same if (found := of(r)) is not None}


def slopes(results: Sequence[Result], system: str, lanes: int) -> dict[int, float]:
    """Return the seconds for one more trial, by seed, from the smallest and the largest number of trials."""
    sizes = sorted({r.job.trials for r in results if r.job.system == system and r.job.lanes == lanes})
    if len(sizes) < 2:
        return {}
    first, last = (values(results, Job(system, n, lanes, 0), lambda r: r.seconds) for n in (sizes[0], sizes[-1]))
    return {seed: (last[seed] - first[seed]) / (sizes[-1] - sizes[0]) for seed in first.keys() & last.keys()}


def median_ratio(theirs: dict[int, float], ours: dict[int, float]) -> float | None:
    """Return the pairs' median of theirs / ours, None without a common pair."""
    ratios = [theirs[seed] / ours[seed] for seed in sorted(theirs.keys() & ours.keys())]
    return statistics.median(ratios) if ratios else None


def totals(results: Sequence[Result]) -> list[str]:
    """Return a table with a line for each system, number of trials and number of lanes."""
    lines = [
        "| system | trials | lanes | pairs | seconds | x paceline | val acc | test acc | driver MiB | lane MiB |"
    ]
    lines.append("|" + "---|" * 10)
    for job in dict.fromkeys(Job(r.job.system, r.job.trials, r.job.lanes, 0) for r in results):
        took = values(results, job, lambda r: r.seconds)
        ours = values(results, Job(OURS, job.trials, job.lanes, 0), lambda r: r.seconds)
        ratio = median_ratio(took, ours)
        acc = [statistics.fmean(values(results, job, of).values()) for of in (_best, _test)]
        peak = [max(values(results, job, of).values()) for of in (_driver, _lane)]
        lines.append(
            f"| {job.system} | {job.trials} | {job.lanes} | {len(took)} | {statistics.median(took.values()):.1f} | "
            f"{'—' if ratio is None else f'{ratio:.1f}'} | {acc[0]:.4f} | {acc[1]:.4f} | "
            f"{peak[0]:.0f} | {peak[1]:.0f} |"
        )
    return lines


def _best(result: Result) -> float:
    return result.best_val_accuracy


def _test(result: Result) -> float:
    return result.verdict_acc if result.verdict_acc is not None else result.test_accuracy


def _driver(result: Result) -> float:
    return result.driver_mib


def _lane(result: Result) -> float:
    return result.lane_mib


def slope_lines(results: Sequence[Result]) -> list[str]:
    """Return a table with a line for each system and number of lanes."""
    lines = ["| system | lanes | seconds a further trial | x paceline | goals |", "|---|---|---|---|---|"]
    for system, lanes in dict.fromkeys((r.job.system, r.job.lanes) for r in results):
        found = slopes(results, system, lanes)
        if not found:
            continue
        ours = statistics.median(slopes(results, OURS, lanes).values() or [float("nan")])
        median = statistics.median(found.values())
        lines.append(f"| {system} | {lanes} | {median:.4f} | {median / ours:.1f} | {GOALS.get(system, '')} |")
    return lines


def where_time_goes(results: Sequence[Result]) -> list[str]:
    """Return a table of the median seconds of the parts that Paceline's driver records.

    The part ``outside`` is the rest: imports, start and end of the process.
    """
    lines = ["| paceline | trials | lanes | part | seconds |", "|---|---|---|---|---|"]
    for job in dict.fromkeys(Job(r.job.system, r.job.trials, r.job.lanes, 0) for r in results if r.parts):
        same = [
            r
            for r in results
            if r.parts and (r.job.system, r.job.trials, r.job.lanes) == (job.system, job.trials, job.lanes)
        ]
        parts = {name: statistics.median(r.parts.get(name, 0.0) for r in same) for name in same[0].parts}
        parts["outside"] = statistics.median(r.seconds - sum(r.parts.values()) for r in same)
        lines += [
            f"| {job.system} | {job.trials} | {job.lanes} | {name} | {spent:.2f} |" for name, spent in parts.items()
        ]
    return lines


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, nargs="+", default=[64, 256])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--lanes", type=int, nargs="+", default=[2])
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument("--slow-trials", type=int, nargs="+", default=[16, 64], help=f"sizes of {SLOW}")
    parser.add_argument("--slow-pairs", type=int, default=2, help=f"pairs of {SLOW}")
    return parser.parse_args()


def main() -> None:
    """Run the jobs of the command line, and print the tables."""
    options = _options()
    results = []
    for job in jobs(options):
        result = run(job)
        results.append(result)
        print(f"{job}: {result.seconds:.1f} s, {result.best_val_accuracy:.4f}", file=sys.stderr, flush=True)
    print("\n".join([*totals(results), "", *slope_lines(results), "", *where_time_goes(results)]))
    print(json.dumps([asdict(result) for result in results]))


if __name__ == "__main__":
    main()
