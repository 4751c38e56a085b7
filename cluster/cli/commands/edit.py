"""Command edit: changes the space, or the limits, of a sweep that has begun."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from cluster.cli.commands.on_target import away
from cluster.cli.commands.shared import Failure, Refusal, find, reading, refusing
from cluster.cli.options import SWEEP
from cluster.exit_codes import FINISHED
from cluster.sweep.home import Busy, SweepHome

if TYPE_CHECKING:
    from cluster.sweep.files.inbox import Message
    from cluster.sweep.reading import Reading

PATIENCE_S, POLL_S = 10.0, 0.1


@click.command()
@SWEEP
@click.argument("changes", metavar="KEY=VALUE...", nargs=-1)
def edit(sweep: str, changes: tuple[str, ...]) -> int:
    """Change the space of a sweep that has begun.

    With keys of `parameters`, as `parameters.lr.max=0.3`, and `trials` and `timeout`. A running sweep goes by it
    from its next trial on, another one when it is resumed. Trials outside of the new space stay, and the sampler is
    no longer shown them.
    """
    if "=" in sweep:
        sweep, changes = "last", (sweep, *changes)
    if not changes:
        raise Refusal("paceline edit ID KEY=VALUE, such as parameters.lr.max=0.3")
    if (place := away(sweep, None)) is not None:
        raise Refusal(f"sweep {sweep} was submitted to {place}: it is edited where its home is")
    home = find(sweep)
    read = reading(home)
    if read.lost:
        raise Failure(f"sweep {home.id} cannot be edited before it is repaired")
    try:
        return _ask(read, changes) if read.live else _edit(home, changes)
    except Busy as error:
        raise Refusal(str(error)) from error


def _edit(home: SweepHome, changes: tuple[str, ...]) -> int:
    from cluster.sweep.knowledge.edit import edit_files

    with refusing(), home.driven():
        read = reading(home)
        found = edit_files(read, changes)
    print(f"sweep {home.id} {found.told}")
    if read.facts.searched and len(read.rows) >= found.sweep.trials:
        print(f"its trials are all there: `paceline resume {home.id} --trials +20` gives it more in the new space")
    else:
        print(f"`paceline resume {home.id}` goes on with it")
    return FINISHED


def _ask(read: Reading, changes: tuple[str, ...]) -> int:
    from cluster.sweep.knowledge.edit import ask

    with refusing():
        message = ask(read, changes)
    deadline = time.monotonic() + PATIENCE_S
    while message.waits and time.monotonic() < deadline:
        time.sleep(POLL_S)
    print(f"sweep {read.home.id}: {_answer(read.home, message)}")
    return FINISHED


def _answer(home: SweepHome, message: Message) -> str:
    if message.waits:
        return "its driver has not taken the edit up yet; it does when it next asks for trials, else `resume` does"
    done = next((one for one in reading(home).sweep.edits if one.id == message.id), None)
    if done is None:
        raise Failure(f"sweep {home.id} has refused the edit: its driver says why")
    outside = f"; {done.outside} of its {done.trials} trials lie outside of the space now" if done.outside else ""
    return f"edited behind {done.trials} trials{outside}"
