"""Command that shows a sweep's data without a sweep: data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cluster.cli.commands.shared import Failure, Refusal, load, print_json
from cluster.cli.options import JSON, OVERRIDES, SPEC
from cluster.exit_codes import FINISHED
from cluster.python.showing import console

if TYPE_CHECKING:
    from cluster.sweep.data_process import Loaded
    from search_spaces.spec.sweep import Sweep
    from workloads.data.overview import Overview


@click.command()
@SPEC
@OVERRIDES
@JSON
def data(spec: str, overrides: tuple[str, ...], as_json: bool) -> int:
    """Show the data of SPEC as trials will see it.

    Reads, checks and splits the data as a sweep does, and starts none: kinds of columns, missing values, ranges,
    classes, splits, leaks, what was told from the file, a picture of each column, and the first training rows.
    """
    sweep = load(spec, overrides)
    if not sweep.data.given:
        raise Refusal(f"data: there is none to show: {sweep.workload} brings its own data")
    loaded, name = _loaded(sweep), sweep.data.target or ("label" if sweep.data.conll else "target")
    found = _overview(sweep, loaded, name)
    from cluster.terminal.data_view import document, view

    if as_json:
        print_json(document(sweep.name, loaded.card, found))
    else:
        from rich.text import Text

        out = console()
        for part in view(loaded.card, found, name, out):
            out.print(part, soft_wrap=isinstance(part, Text))
    return FINISHED


def _overview(sweep: Sweep, loaded: Loaded, target: str) -> Overview:
    from cluster.sweep.data_process import needed
    from search_spaces.space.hyperparameters import complete
    from workloads.arrays import Infeasible
    from workloads.data.overview import Names, overview
    from workloads.registry import described

    workload = described(sweep.workload)
    kind = workload.hyperparameters
    # A training function gets the rows as they are.
    hp = None if workload.own_data else kind(**complete(kind, {**needed(sweep), **sweep.constants}))
    try:
        return overview(loaded.search, Names(loaded.card["features"], target), loaded.indices["train"], hp)
    except Infeasible as error:
        raise Refusal(f"parameters: the defaults of {sweep.workload} do not fit this data: {error}") from error


def _loaded(sweep: Sweep) -> Loaded:
    """Return the data as `run` reads it on this machine. Raises Refusal where it cannot be used."""
    from cluster.guard import guarded
    from cluster.sweep.data_process import Preparing, refuse_unfilled
    from cluster.sweep.lane_count import TooSmall, lane_size
    from cluster.sweep.restore import streamed
    from search_spaces.types.driver_errors import NoData
    from workloads.arrays import DataError

    try:
        num_lanes = lane_size(sweep).count
    except TooSmall:  # the spec may be meant for another machine
        num_lanes = sweep.max_concurrent or 1
    with guarded():
        preparing = Preparing(streamed(sweep, {}, num_lanes))
    try:
        loaded = preparing.result()
        refuse_unfilled(sweep, loaded.card)
    except DataError as error:
        raise Refusal(str(error)) from error
    except NoData as error:
        raise Failure(str(error)) from error
    finally:
        preparing.cancel()
    return loaded
