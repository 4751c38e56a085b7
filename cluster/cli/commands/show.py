"""Commands that read a sweep and change nothing: show, best."""

from __future__ import annotations

from typing import Any

import click

from cluster.cli.commands.run import tell_end
from cluster.cli.commands.shared import Failure, find, print_json, reading, write_new
from cluster.cli.options import JSON, SWEEP
from cluster.exit_codes import FINISHED
from cluster.sweep.home import SweepHome
from cluster.sweep.reading import document as described
from search_spaces.spec.yaml_document import block
from search_spaces.types.trial_names import trial_name


@click.command()
@SWEEP
@click.option("--top", type=click.IntRange(min=1), default=10, show_default=True, help="Trials to list.")
@JSON
def show(sweep: str, top: int, as_json: bool) -> int:
    """Show best trials, final evaluation, cost, failures."""
    tell_end(reading(find(sweep)), as_json, top=top)
    return FINISHED


@click.command()
@SWEEP
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write the configuration to this YAML file.")
@JSON
def best(sweep: str, output: str | None, as_json: bool) -> int:
    """Print the best configuration of a sweep."""
    home = find(sweep)
    document = described(reading(home))
    found = document["best"]
    if not found:
        raise Failure(f"sweep {home.id} has no successful trial yet")
    text = _yaml(home, document)
    if output:
        write_new(output, text)
    if as_json:
        print_json(found)
    else:
        print(f"wrote {output}" if output else text, end="\n" if output else "")
    return FINISHED


def _yaml(home: SweepHome, document: dict[str, Any]) -> str:
    found = document["best"]
    number, metric = trial_name(found["number"]), document["metric"]["name"]
    return f"# sweep {home.id}, trial {number}: {metric} {found['value']}\n{block(dict(found['params']))}"
