"""Commands that steer a sweep while it runs, here and on targets: pause, boost, lanes, and stop of trials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from cluster.cli.commands.on_target import away, chosen, telling
from cluster.cli.commands.shared import Failure, find, reading, refusing
from cluster.cli.options import ON
from cluster.exit_codes import FINISHED
from cluster.targets.place import place

if TYPE_CHECKING:
    from cluster.sweep.steering.asking import Wish

ID = click.argument("sweep", metavar="ID")
TRIALS = click.argument("trials", metavar="TRIAL...", nargs=-1, required=True)


@click.command()
@ID
@TRIALS
@click.option("--off", is_flag=True, help="Let them go on.")
@ON
def pause(sweep: str, trials: tuple[str, ...], off: bool, on: str | None) -> int:
    """Pause trials of a running sweep, with everything saved."""
    return steer(sweep, on, ("unpause" if off else "pause", trials))


@click.command()
@ID
@TRIALS
@click.option("--off", is_flag=True, help="Leave them to the sweep's schedule again.")
@ON
def boost(sweep: str, trials: tuple[str, ...], off: bool, on: str | None) -> int:
    """Train trials of a running sweep to the end, before others."""
    return steer(sweep, on, ("unboost" if off else "boost", trials))


@click.command()
@ID
@click.argument("number", metavar="N")
@ON
def lanes(sweep: str, number: str, on: str | None) -> int:
    """Train on N workers from now on, while the sweep runs."""
    return steer(sweep, on, ("lanes", (number,)))


def steer(sweep: str, on: str | None, wish: Wish) -> int:
    """Leave the wish for the sweep's driver, here or on its target; print what it says, return the exit code."""
    if (target := away(sweep, chosen(on))) is not None:
        return steer_on(sweep, target, wish)
    from cluster.sweep.steering.asking import asked

    read = reading(find(sweep))
    with refusing():
        answers = asked(read, wish)
    _tell(answers)
    return FINISHED


def steer_on(reference: str, on: str, wish: Wish) -> int:
    """Leave the wish for the driver of a sweep that runs on a target; print what it says, return the exit code."""
    with telling():
        sweep_id, target = place(reference, on)
        job = target.status(sweep_id)
        if job.ended:
            raise Failure(
                f"sweep {sweep_id} is not running on {target}: `paceline resume {sweep_id}` starts it again"
            )
        _tell(target.steer(sweep_id, wish))
    return FINISHED


def _tell(answers: Sequence[str]) -> None:
    print("\n".join(answers))
