"""Command edit: changes the space, the method, or the limits, of a sweep that has begun, here or on a target."""

from __future__ import annotations

import click

from cluster.cli.commands.on_target import away, chosen
from cluster.cli.commands.shared import Failure, Refusal, find, reading, refusing
from cluster.cli.commands.steer import steer_on
from cluster.cli.options import ON, SWEEP
from cluster.exit_codes import FINISHED
from cluster.sweep.home import Busy


@click.command()
@SWEEP
@click.argument("changes", metavar="KEY=VALUE...", nargs=-1)
@ON
def edit(sweep: str, changes: tuple[str, ...], on: str | None) -> int:
    """Change the space, or the limits, of a sweep that has begun.

    With keys of `parameters`, as `parameters.lr.max=0.3`, and `require`, `method`, `trials`, `timeout`, `budget`,
    `cost_per_hour`, `stop_when`, and `final` where there is none; `trials=+20` are 20 more. A running sweep goes by
    it from its next trial on, another one when it is resumed. Trials outside of the new space stay, and the sampler
    is no longer shown them.
    """
    if "=" in sweep:
        sweep, changes = "last", (sweep, *changes)
    if not changes:
        raise Refusal("paceline edit ID KEY=VALUE, such as parameters.lr.max=0.3")
    if (target := away(sweep, chosen(on))) is not None:
        return steer_on(sweep, target, ("edit", changes))
    read = reading(find(sweep))
    with refusing():
        from cluster.sweep.knowledge.edit import Refused, change

        try:
            told = change(read, changes)
        except Busy as error:
            raise Refusal(str(error)) from error
        except Refused as error:
            raise Failure(str(error)) from error
    print("\n".join(told))
    return FINISHED
