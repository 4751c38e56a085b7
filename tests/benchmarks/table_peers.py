"""Compares samplers with peers' on complete tables of real results, with full trainings one after the other.

    python -m tests.benchmarks.table_peers [--methods auto/none optuna-tpe optuna-gp] [--noise] [--seeds 10]
        [--out FILE]

A method is a sampler of ours or a peer (``tests.benchmarks.search_methods``). Prints a Markdown table: by number of
trials and table the geometric mean over seeds of the regret, the distance of the true mean of the recommended
configuration from the best of the table, plus the table's noise. Without ``--noise`` an evaluation is the true
mean, with it the value of one training seed, another one where a configuration is tried again. All begin with the
same random configuration. The best value seen is recommended, and beside it, under noise, what our rule does after
12 of 100 evaluations went to the best ones again ("retested"). ``--out`` keeps a line of JSON a search; those that
it has are not run again, and ``--methods`` of none prints what it holds.
"""

from __future__ import annotations

import argparse
import itertools
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from pathlib import Path

import numpy as np

from search_spaces.race.recommended import Tried, estimates, next_retests
from search_spaces.space.space import Space
from search_spaces.types.values import Params
from tests.benchmarks.ablations import without
from tests.benchmarks.commands import DATA_ENV, data_folder
from tests.benchmarks.search_methods import Method, Problem, method
from tests.benchmarks.search_rows import Job, Row, measured
from tests.benchmarks.tables import Table, load

BUDGETS = (40, 60, 100)
"""Numbers of trials after which the regret is taken."""
RETEST = 0.12
"""Share of the evaluations that try the best configurations again, where the recommendation is by our rule."""


@cache
def _table(path: Path) -> Table:
    return load(path)


def problem(table: Table, seed: int) -> Problem:
    """Return what is searched on a table."""
    rng = np.random.default_rng([seed, zlib.crc32(table.name.encode())])
    values = list(table.rows)[int(rng.integers(len(table.rows)))]
    first = {n: v if isinstance(v, str) else int(str(v)) for n, v in zip(table.domains, values, strict=True)}
    return Problem(Space(dict(table.domains)), table.objective, 1, first, seed)


def evaluation(table: Table, noisy: bool, seed: int) -> Callable[[Params], float]:
    """Return the function that trains a configuration."""
    times = Counter[str]()

    def trained(params: Params) -> float:
        if not noisy:
            return table.mean(params)
        point = repr(sorted(params.items()))
        times[point] += 1
        return table.value(params, zlib.crc32(f"{seed} {point}".encode()) + times[point])

    return trained


def run(table: Table, searching: Method, seed: int, noisy: bool) -> dict[str, list[float]]:
    """Return a search's regret after each of ``BUDGETS``: of the best value seen, and of what retests recommend."""
    train, found = evaluation(table, noisy, seed), list[tuple[Params, float]]()
    while len(found) < BUDGETS[-1]:
        work = searching.next()
        assert work, "a method waits on a single lane"
        found.append((work.params, train(work.params)))
        searching.reported(work, 1, found[-1][1])
    luckiest = [min(found[:num], key=lambda one: table.objective.signed(one[1]))[0] for num in BUDGETS]
    regrets = {"regrets": [table.regret(params) for params in luckiest]}
    if not noisy:
        return regrets
    again = [retested(table, found[: num - int(RETEST * num)], int(RETEST * num), seed) for num in BUDGETS]
    return {**regrets, "retested": [table.regret(params) for params in again]}


def retested(table: Table, found: Sequence[tuple[Params, float]], num: int, seed: int) -> Params:
    """Return the configuration that is recommended after ``num`` evaluations of the best ones with new seeds."""
    train = evaluation(table, True, seed)
    for params, _ in found:
        train(params)  # a search's seeds are not those of its retests
    values = [[value] for _, value in found]
    while True:
        ranked = estimates([Tried(i, each) for i, each in enumerate(values)], table.objective)
        if num <= 0:
            return found[ranked[0].trial][0]
        for trial in next_retests(ranked, num):
            values[trial].append(train(found[trial][0]))
            num -= 1


def search(folder: Path, job: Job) -> Row:
    """Run a search and return its row of the file."""
    table, begun = _table(folder / f"{job['table']}.parquet"), time.process_time()
    of = problem(table, job["seed"])
    with without(job["method"]) as name:
        regrets = run(table, method(name, of), job["seed"], job["noise"])
    return {**job, **regrets, "floor": table.noise, "cpu_s": time.process_time() - begun}


def markdown(rows: Iterable[Row]) -> str:
    """Return the table of the rows, a line for each number of trials, kind of evaluation and method.

    Below the peers is the ratio of ``auto/none``, retested under noise, to the peer with the lowest mean, over the
    seeds that both have.
    """
    grouped = _grouped(rows)
    tables = sorted({which for found in grouped.values() for which in found})
    lines = [f"| evaluation | trials | method | mean | {' | '.join(tables)} | CPU s | seeds |"]
    lines.append("|---" * (6 + len(tables)) + "|")
    for noisy, (place, budget) in itertools.product((False, True), enumerate(BUDGETS)):
        start = f"| {'one seed' if noisy else 'mean'} | {budget} |"
        logs = {}
        for name, found in ((name, found) for (noise, name), found in sorted(grouped.items()) if noise == noisy):
            logs[name] = each = [_mean_log(found[which], place) if which in found else np.nan for which in tables]
            flat = [row for several in found.values() for row in several]
            took, seeds = np.mean([row["cpu_s"] for row in flat]), len({row["seed"] for row in flat})
            cells = " | ".join(f"{x:.2g}" for x in np.exp([np.mean(each), *each]))
            lines.append(f"{start} `{name}` | {cells} | {took:.1f} | {seeds} |")
        ours = "auto/none, retested" if noisy else "auto/none"
        means = {n: np.mean(each) for n, each in logs.items() if n.startswith("optuna-") and "," not in n}
        if ours in logs and not np.isnan(list(means.values())).all():
            best = min(means, key=lambda name: np.nan_to_num(means[name], nan=np.inf))
            off = [_log_ratio(grouped[noisy, ours][which], grouped[noisy, best][which], place) for which in tables]
            cells = " | ".join(f"{x:.2f}" for x in np.exp([np.mean(off), *off]))
            lines.append(f"{start} `{ours}` / `{best}` | {cells} | | |")
    return "\n".join(lines)


def _grouped(rows: Iterable[Row]) -> dict[tuple[bool, str], dict[str, list[Row]]]:
    """Return the rows by evaluation and method, with the name of what recommends, and table."""
    grouped: dict[tuple[bool, str], dict[str, list[Row]]] = {}
    for row in rows:
        kinds = {"regrets": "", "retested": ", retested"}
        for kind in kinds.keys() & row.keys():
            found = grouped.setdefault((row["noise"], row["method"] + kinds[kind]), {})
            found.setdefault(row["table"], []).append({**row, "regrets": row[kind]})
    for (noisy, name), found in grouped.items():
        if name.startswith("optuna-autosampler"):  # where all are numbers its rule is GPSampler
            instead = grouped.get((noisy, name.replace("autosampler", "gp")), {})
            found.update({which: each for which, each in instead.items() if which not in found})
    return grouped


def _log_ratio(rows: Iterable[Row], others: Iterable[Row], place: int) -> float:
    """Return the logarithm of the ratio of two methods' mean regrets over the seeds that both have."""
    mine, theirs = ({row["seed"]: row for row in some} for some in (rows, others))
    shared = mine.keys() & theirs.keys()
    return _mean_log((mine[s] for s in shared), place) - _mean_log((theirs[s] for s in shared), place)


def _mean_log(rows: Iterable[Row], place: int) -> float:
    return float(np.mean([np.log(row["regrets"][place] + row["floor"]) for row in rows]))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    peers = ["optuna-tpe", "optuna-gp", "optuna-autosampler", "optuna-cmaes", "optuna-random"]
    parser.add_argument("--methods", nargs="*", default=["auto/none", *peers])
    parser.add_argument("--noise", action="store_true", help="an evaluation is the value of one training seed")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--tables", nargs="+", help="names of tables; all unless given")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path, help="file of a line of JSON a search, which is added to")
    parser.add_argument("--data", help=f"folder that holds hpo_tables; else ${DATA_ENV}")
    return parser.parse_args()


def main() -> None:
    """Simulate the searches of the command line, and print the table."""
    options = _options()
    folder = data_folder(options.data, "hpo_tables") / "hpo_tables"
    names = options.tables or [path.stem for path in sorted(folder.glob("*.parquet"))]
    places = itertools.product([options.noise], options.methods, names, range(options.seeds))
    jobs = [dict(zip(("noise", "method", "table", "seed"), place, strict=True)) for place in places]
    rows = measured(jobs, partial(search, folder), options.out, options.processes)
    print(markdown(rows))


if __name__ == "__main__":
    main()
