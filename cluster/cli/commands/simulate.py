"""The command ``simulate``: a sweep's search on recorded learning curves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cluster.cli.commands.shared import Refusal, load, print_json, refusing
from cluster.cli.options import JSON, OVERRIDES, SPEC
from cluster.exit_codes import FINISHED
from search_spaces.spec.checks.population import POPULATION
from workloads.registry import catalogue

if TYPE_CHECKING:
    from search_spaces.spec.sweep import Sweep


@click.command()
@SPEC
@OVERRIDES
@click.option(
    "--table",
    "table",
    metavar="FILE",
    type=click.Path(path_type=Path),
    required=True,
    help="CSV or Parquet: a column for each searched hyperparameter, epoch, the metric (or value), and seconds.",
)
@click.option(
    "--schedules", metavar="A,B:KEY=VALUE", help="Schedules to compare: asha,asha:eta=4,none; default: the spec's."
)
@click.option("--lanes", metavar="N,M", help="Numbers of workers to compare; default: 4.", default="4")
@click.option("--seeds", metavar="N", type=click.IntRange(1, 1000), default=5, help="Seeds of each; default: 5.")
@JSON
def simulate(spec: str, overrides: tuple[str, ...], table: Path, as_json: bool, **compared: Any) -> int:
    """Run the search of SPEC on recorded learning curves, to choose a schedule.

    It trains nothing: the clock jumps from one recorded epoch to the next.
    """
    counts, sweeps = _counts(compared["lanes"]), _sweeps(spec, overrides, compared["schedules"])
    from cluster.terminal.plans.simulation import document, lines  # 300 ms: SciPy
    from search_spaces.simulation.recorded import load as load_curves
    from search_spaces.simulation.runs import run

    with refusing():
        found = {name: load_curves(table, sweep) for name, sweep in sweeps.items()}
    runs = [
        run(sweep.model_copy(update={"seed": sweep.seed + seed}), _of(sweep), found[name], name, count)
        for name, sweep in sweeps.items()
        for count in counts
        for seed in range(compared["seeds"])
    ]
    sweep, recorded = next(iter(sweeps.values())), next(iter(found.values()))
    if as_json:
        print_json(document(sweep, recorded, table, runs))
    else:
        print("\n".join(lines(sweep, recorded, table, runs)))
    return FINISHED


def _of(sweep: Sweep) -> type:
    return catalogue().workload(sweep.workload).hyperparameters


def _counts(lanes: str) -> list[int]:
    """Return the numbers of workers in ``1,4``. Raises Refusal for others."""
    parts = [part.strip() for part in lanes.split(",")]
    if wrong := [part for part in parts if not part.isdecimal() or not 1 <= int(part) <= 100_000]:
        raise Refusal(f"--lanes: must be numbers of workers from 1 to 100000, as 1,4,16, received {wrong[0]!r}")
    return list(dict.fromkeys(map(int, parts)))


def _sweeps(spec: str, overrides: tuple[str, ...], schedules: str | None) -> dict[str, Sweep]:
    """Return the sweep with each schedule. Raises Refusal with every fault."""
    if schedules is None:
        sweep = load(spec, overrides)
        found = {sweep.early_terminate.type: sweep}
    else:
        found, faults = {}, list[str]()
        for name in dict.fromkeys(name.strip() for name in schedules.split(",")):
            try:
                found[name] = load(spec, (*overrides, f"early_terminate={_rule(name)}"))
            except Refusal as error:
                faults += error.message.splitlines()
        if faults:
            raise Refusal("\n".join(dict.fromkeys(faults)))
    if told := list(_not_simulated(found)):
        raise Refusal("\n".join(told))
    return found


def _not_simulated(sweeps: Mapping[str, Sweep]) -> Iterator[str]:
    """Yield why searches cannot be simulated, as no table has curves of them."""
    for name, sweep in sweeps.items():
        if sweep.early_terminate.type == POPULATION:
            changes = "changes hyperparameters while a trial trains"
            yield f"--schedules: {name} {changes}, and no table has curves of that"
    sweep = next(iter(sweeps.values()))
    if sweep.repeats:
        yield "repeats: a table has each configuration once: give 'repeats=none' behind the file"
    if sweep.warm_start:
        yield "warm_start: a simulation begins without earlier trials: give 'warm_start=[]' behind the file"


def _rule(name: str) -> str:
    """Return ``asha:eta=4:min_iter=2`` as YAML."""
    kind, *given = name.split(":")
    keys = [f"{key.strip()}: {value.strip()}" for key, _, value in (one.partition("=") for one in given)]
    return "{" + ", ".join([f"type: {kind}", *keys]) + "}"
