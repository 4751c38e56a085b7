"""Commands that read a sweep and change nothing: show, best."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cluster.cli.commands.results.one_trial import is_trial, show_trial
from cluster.cli.commands.run import tell_end
from cluster.cli.commands.shared import Failure, Refusal, find, print_json, reading, write_new
from cluster.cli.options import JSON, SWEEP
from cluster.exit_codes import FINISHED
from cluster.sweep.document import document as described
from cluster.sweep.document import saves_files
from cluster.sweep.home import SweepHome
from cluster.terminal import changed_values, formatting
from search_spaces.space.space import Space
from search_spaces.spec.schema import EarlyTerminate
from search_spaces.spec.sweep import Sweep
from search_spaces.spec.yaml_document import block
from search_spaces.types.catalogue import NO_SCHEDULE
from search_spaces.types.files.kept_code import name_shown
from search_spaces.types.trial_names import trial_name
from search_spaces.types.values import Params, restored

if TYPE_CHECKING:
    from cluster.sweep.reading import Reading

ALONE = "# one trial: `paceline run` trains this configuration alone, and evaluates it with new seeds\n"
CHANGED = "its values changed while it trained, and a sweep file has one of each: these are the first. All of them:"


@click.command()
@SWEEP
@click.argument("trial", metavar="[TRIAL]", required=False)
@click.option("--top", type=click.IntRange(min=1), default=10, show_default=True, help="Trials to list.")
@JSON
def show(sweep: str, trial: str | None, top: int, as_json: bool) -> int:
    """Show best trials, final evaluation, cost, failures.

    With TRIAL, as t023, all that is known of that trial: its whole configuration, curves, retrainings, its end.
    """
    if trial is None and is_trial(sweep):
        sweep, trial = "last", sweep
    if trial is not None:
        return show_trial(reading(find(sweep)), trial, as_json)
    tell_end(reading(find(sweep)), as_json, top=top)
    return FINISHED


@click.command()
@SWEEP
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False), help="Write a sweep file of this configuration alone."
)
@click.option("--files", metavar="DIR", help="Copy what your code saved in this trial to the new folder DIR.")
@JSON
def best(sweep: str, output: str | None, files: str | None, as_json: bool) -> int:
    """Print the champion's configuration, or before there is one the recommended.

    With --files it copies what a function of your own, or a script, saved in that trial.
    """
    home = find(sweep)
    read = reading(home)
    document = described(read)
    found = document["best"]
    if not found:
        raise Refusal(f"sweep {home.id} has no successful trial yet: {read.way_on}")
    head, params = _head(home, document), found["stages"][0]["params"] if found["stages"] else found["params"]
    if files:
        _copy(read, found["number"], Path(files))
    if output:
        write_new(output, head + ALONE + _alone(read.sweep, found["number"], params).to_text())
    if as_json:
        print_json(found)
    else:
        told = [f"wrote {files}"] if files else []
        told += [f"wrote {output}: this configuration alone; `paceline run {output}` trains it"] if output else []
        print("\n".join(told) if told else head + block(dict(params)), end="\n" if told else "")
    return FINISHED


def _copy(read: Reading, number: int, target: Path) -> None:
    """Copy what the best trial saved to the folder ``target``, which is new or empty. Raises Refusal, Failure."""
    from cluster.python.weights import WAYS  # 60 ms
    from cluster.sweep.files.saved_by_best import copy_of_best
    from workloads.legs.checkpoint import TornCheckpoint

    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise Refusal(f"--files {target}: it is there already: name a new folder")
    try:
        if copy_of_best(read, target):
            return
    except TornCheckpoint as error:
        raise Failure(f"the checkpoint of {trial_name(number)} is damaged: {error}") from error
    except OSError as error:
        raise Refusal(f"--files {target} cannot be written: {error.strerror}") from error
    name, workload = trial_name(number), name_shown(read.sweep.workload)
    if not saves_files(read.sweep):
        way_out = f"its weights are in {read.home.checkpoints}, and after a final evaluation its model is in MLflow"
        raise Refusal(f"--files: {workload} saves no files of its own; {way_out}")
    workload = read.sweep.command.title if read.sweep.command else workload
    raise Refusal(f"--files: {name} of {workload} saved nothing that was kept; {WAYS}")


def _head(home: SweepHome, document: dict[str, Any]) -> str:
    found, metric, known = document["best"], document["metric"]["name"], document["recommended"]
    by, value = {"search": "best in search", "final evaluation": "champion"}.get(found["by"]), found["value"]
    told = f"{by} {trial_name(found['number'])}: {metric} {value}"
    if by is None:
        seeds = formatting.count(known["seeds"], "seed")
        told = f"recommended {trial_name(known['number'])}: mean {metric} {known['mean']} over {seeds}"
    changes = [CHANGED, *(f"  {line}" for line in changed_values.lines(found["stages"]))] if found["stages"] else []
    return "".join(f"# {line}\n" for line in [f"sweep {home.id}, {told}", *changes])


def _alone(sweep: Sweep, number: int, params: Params) -> Sweep:
    """Return the sweep with a trial's ``params`` fixed: one trial, which trains that configuration to its end."""
    fixed = {**sweep.drawn_with(number)[1], **restored(params)}
    changes: dict[str, Any] = {"space": Space({}), "constants": fixed, "trials": 1}
    changes |= {"start_from": (), "warm_start": (), "edits": (), "retest": "auto", "stop_when": None}
    return sweep.model_copy(update={**changes, "early_terminate": EarlyTerminate(type=NO_SCHEDULE)})
