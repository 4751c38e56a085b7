"""Commands about specs: check, schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cluster.cli.commands.shared import Refusal, load, print_json, refuse_store, refusing
from cluster.cli.options import JSON, OVERRIDES, SPEC
from cluster.exit_codes import FINISHED
from workloads.registry import catalogue, workload

if TYPE_CHECKING:
    from search_spaces.race.earlier.warm_start import WarmStart
    from search_spaces.spec.sweep import Sweep


@click.command()
@SPEC
@OVERRIDES
@JSON
def check(spec: str, overrides: tuple[str, ...], as_json: bool) -> int:
    """Validate a sweep file and preview the sweep."""
    return preview(spec, overrides, as_json)


def preview(spec: str, overrides: tuple[str, ...], as_json: bool) -> int:
    """Validate a sweep file and print what the sweep would run. Raises Refusal with every fault."""
    sweep = load(spec, overrides)
    store = refuse_store(sweep)
    sweep, warm = _warm(sweep, spec)
    from cluster.sweep.mlflow_models.pinned import pinned

    with refusing():
        starts_from = pinned(sweep, Path(spec).name)
    sweep = starts_from.sweep
    from cluster.sweep.lane_count import TooSmall, lane_size
    from cluster.sweep.restore import streamed
    from cluster.terminal.plans.preview import document, lines, preview

    try:
        sweep = streamed(sweep, {}, lane_size(sweep).count)
        lanes, why_not = lane_size(sweep).count, None
    except TooSmall as error:  # the spec may be meant for another machine
        lanes, why_not = sweep.max_concurrent or 1, str(error)
    plan = preview(sweep, lanes, catalogue().workload(sweep.workload).hyperparameters, warm)
    memory = _memory(sweep, lanes, plan.cohort)
    if as_json:
        print_json({**document(sweep, plan), "memory": memory or None})
    else:
        print("\n".join(lines(sweep, plan)))
        if store and store.state == "warning":
            print(f"MLflow is away: {store.found}; {store.remedy}")
        for alias, version in starts_from.versions.items():
            print(f"model       {alias} is {version} now")
        for told in memory:
            print(f"memory      {told}")
        for told in filter(None, [_cores(sweep, lanes), _disk(sweep, lanes), why_not and f"not here: {why_not}"]):
            print(told)
    return FINISHED


def _memory(sweep: Sweep, lanes: int, together: int) -> list[str]:
    """Return what the trainings need beside what a lane has, a line each, where their workload tells that.

    Raises Refusal where they cannot begin: of models that are here.
    """
    from cluster.sweep.limits.memory import foreseen, trainings

    wanted = trainings(sweep, lanes, together)
    if wanted is None:
        return []
    from workloads.arrays import DataError, DataShape

    shape = DataShape((1,), num_outputs=2, problem=sweep.problem or "classification")
    try:
        return foreseen(workload(sweep.workload), wanted, shape, fetch=False)
    except DataError as error:
        raise Refusal(str(error)) from error


def _warm(sweep: Sweep, spec: str) -> tuple[Sweep, WarmStart]:
    """Return the sweep, with whole IDs of the earlier ones that it names, and what it would take of them."""
    from search_spaces.race.earlier.warm_start import NOTHING_KNOWN

    if not sweep.warm_start:
        return sweep, NOTHING_KNOWN
    from cluster.sweep.knowledge.warm_start import collected

    with refusing():
        found = collected(sweep, Path(spec).name)
    return found.sweep, found.warm


def _cores(sweep: Sweep, lanes: int) -> str | None:
    """Return what to tell of workers that ask for more cores than this machine has."""
    from cluster.sweep.lane_count import num_cpus

    wanted = sweep.resources
    asked, here = lanes * wanted.least * wanted.cpus, num_cpus()
    if asked <= here or wanted.gpus:
        return None
    return f"cores       {asked:g} are asked for (max_concurrent, resources.cpus), and this machine has {here}"


def _disk(sweep: Sweep, lanes: int) -> str | None:
    from cluster.sweep.files.disk_bound import most_checkpoints, shortage
    from cluster.sweep.home import root

    return shortage(sweep.storage.checkpoints or str(root()), most_checkpoints(sweep, lanes))


@click.command()
def schema() -> int:
    """Print the JSON Schema of a spec."""
    from search_spaces.spec.json_schema import json_schema

    print_json(json_schema(catalogue()))
    return FINISHED
