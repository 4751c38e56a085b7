"""Commands that drive a sweep: run, resume, demo."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click import ClickException

import search_spaces
from cluster.cli.commands.on_target import away, chosen, resume_on, run_on
from cluster.cli.commands.shared import (
    Failure,
    Refusal,
    console,
    find,
    load,
    print_json,
    reading,
    refuse_addresses,
    refusing,
    title,
)
from cluster.cli.commands.spec import preview
from cluster.cli.options import CODE, ON, OVERRIDES, SPEC, SWEEP, RunOptions, as_overrides, setting, showing, shown
from cluster.exit_codes import FINISHED, INTERRUPTED
from cluster.sweep.home import Busy, SweepHome
from cluster.sweep.stop import interrupted_by_sigterm
from search_spaces.types.driver_errors import CANNOT_GO_ON
from workloads.arrays import DataError

if TYPE_CHECKING:
    from cluster.sweep.limits.extension import Extension
    from cluster.sweep.reading import Reading
    from cluster.targets.submission import Code
    from cluster.terminal.live_lines import Title
    from cluster.terminal.records import Observer
    from search_spaces.spec.sweep import Sweep

DEMO = Path(search_spaces.__file__).parent / "examples" / "demo.yaml"
AFTER_DEMO = (
    ("paceline ui", "leaderboard and charts of this sweep in a browser"),
    ("paceline init mlp", "writes a commented sweep.yaml for you to edit"),
    ("paceline run sweep.yaml", "runs it"),
)


@click.command()
@SPEC
@OVERRIDES
@setting
@click.option("--dry-run", is_flag=True, help="Show what would run, and run nothing.")
@ON
@CODE
@showing
def run(
    spec: str, overrides: tuple[str, ...], dry_run: bool, on: str | None, code: Code | None, **flags: Any
) -> int:
    """Run the sweep that SPEC describes, here or (--on) on a cluster.

    KEY=VALUE overrides a key of it, as in `parameters.dropout.max=0.3`; flags win over both.
    """
    options = shown(flags)
    overrides = (*overrides, *as_overrides(**flags))
    if dry_run:
        return preview(spec, overrides, options.as_json)
    if (place := chosen(on)) is not None:
        return run_on(spec, overrides, place, code)
    sweep = load(spec, overrides)
    refuse_addresses(sweep)
    return watch(_begun(sweep, spec), sweep, options)


def _begun(sweep: Sweep, spec: str) -> SweepHome:
    """Make the new sweep's home. Raises Refusal where it names earlier sweeps that it cannot learn from."""
    if not sweep.warm_start:
        return SweepHome.create(sweep)
    from cluster.sweep.knowledge.warm_start import begun

    with refusing():
        return begun(sweep, Path(spec).name)


@click.command()
@setting
@showing
def demo(**flags: Any) -> int:
    """Run a small sweep, in under a minute."""
    options = shown(flags)
    sweep = load(str(DEMO), as_overrides(**flags))
    refuse_addresses(sweep)
    return watch(SweepHome.create(sweep), sweep, options, AFTER_DEMO)


@click.command()
@SWEEP
@click.option("--trials", metavar="N", help="With +N more trials, or N in all, though it may have ended.")
@click.option(
    "--budget",
    metavar="LIMIT=N",
    multiple=True,
    help="With a larger budget: epochs=+200 more, or epochs=700 in all.",
)
@ON
@showing
def resume(sweep: str, trials: str | None, budget: tuple[str, ...], on: str | None, **flags: Any) -> int:
    """Continue a sweep, or give it more trials, or a larger budget."""
    if (place := away(sweep, chosen(on))) is not None:
        return resume_on(sweep, place, trials, budget)
    home, options = find(sweep), shown(flags)
    read = reading(home)
    if read.lost:
        raise Failure(f"sweep {home.id} cannot go on before it is repaired")
    if read.wrong:
        home.keep(read.sweep)
    read = _with_edits(read)
    if trials is None and not budget:
        return _done(read, options) if read.complete else watch(home, read.sweep, options)
    from cluster.sweep.more_trials import extension

    with refusing():
        more = extension(read, trials, budget)
    return watch(home, read.sweep, options, more=more)


def _with_edits(read: Reading) -> Reading:
    """Make the edits that the sweep's last driver did not take up, and return the sweep as it is then."""
    if read.live or not (read.facts.searched or read.complete):  # else its next driver makes them
        return read
    from cluster.sweep.knowledge.edit import settle_waiting  # 300 ms: Optuna

    try:
        with refusing(), read.home.driven():
            told = settle_waiting(read)
    except Busy as error:
        raise Refusal(str(error)) from error
    for line in told:
        print(f"sweep {read.home.id}: {line}", file=sys.stderr)
    return reading(read.home) if told else read


def _done(read: Reading, options: RunOptions) -> int:
    from cluster.sweep.more_trials import can_grow

    if told := _mended(read.home):
        print(told, file=sys.stderr)
    more = f"; `paceline resume {read.home.id} --trials +20` gives it more trials" if can_grow(read) else ""
    print(f"sweep {read.home.id} has finished, and nothing is left to do{more}", file=sys.stderr)
    tell_end(read, options.as_json)
    return FINISHED


def _mended(home: SweepHome) -> str:
    """Make the journal of a sweep with nothing left to do whole; return what was wrong with it, in words."""
    from search_spaces.study.journal import mend  # 0 ms: it was read

    if isinstance(home.study, str):
        return ""
    with refusing(), home.driven():
        return mend(home.journal)


def watch(
    home: SweepHome,
    sweep: Sweep,
    options: RunOptions,
    after: Sequence[tuple[str, str]] = (),
    more: Extension | None = None,
) -> int:
    """Drive the sweep with a view of it, print the summary and return the exit code.

    ``after`` are commands to suggest after a finished sweep, in place of the usual ones; ``more`` is what the
    search gets besides (None: nothing).
    """
    interrupted_by_sigterm()
    try:
        with quiet_stdout(options.as_json), viewer(title(home, sweep), options) as view:
            code = _drive(home, view, more)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except ClickException:
        raise
    except Exception:
        print(f"sweep {home.id} broke off; `paceline resume {home.id}` goes on with it", file=sys.stderr)
        raise
    tell_end(reading(home), options.as_json, after=after if code == FINISHED else ())
    return code


def _drive(home: SweepHome, view: Observer, more: Extension | None) -> int:
    try:
        with refusing(), home.driven():  # before the slow imports, so that `paceline show` says that it is starting
            from cluster.doctor.stores import StoresRefused
            from cluster.doctor.surroundings import Unfit
            from cluster.driver.driver import DataChanged, drive
            from cluster.sweep.lane_count import TooSmall

            try:
                return drive(home, view, more, process_ends=True)
            except (DataError, StoresRefused, TooSmall, Unfit) as error:
                if not home.has_begun:
                    home.remove()
                raise Refusal(str(error)) from None
            except (DataChanged, *CANNOT_GO_ON) as error:
                raise Failure(str(error)) from error
    except Busy as error:
        raise Refusal(f"{error}; `paceline show {home.id}` shows it, `paceline stop {home.id}` ends it") from error


@contextmanager
def quiet_stdout(wanted: bool) -> Iterator[None]:
    """If ``wanted``, redirect stdout to stderr for the block, at the file descriptor, so in C libraries too."""
    if not wanted:
        yield
        return
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def viewer(head: Title, options: RunOptions) -> AbstractContextManager[Observer]:
    """Return a live view in a terminal, lines in a pipe, or messages only with ``--quiet``.

    With ``--json`` the view writes to stderr.
    """
    from cluster.terminal.views import LineView, LiveView, QuietView

    if options.quiet:
        return QuietView(sys.stderr)
    screen = console(stderr=options.as_json)
    if options.live and screen.is_terminal:
        return LiveView(head, screen)
    return LineView(head, sys.stderr if options.as_json else sys.stdout)


def tell_end(read: Reading, as_json: bool, after: Sequence[tuple[str, str]] = (), top: int = 5) -> None:
    """Print the sweep's JSON document, or its summary with the best ``top`` trials.

    The summary ends with the commands ``after``, or where there are none with the useful next ones.
    """
    from cluster.sweep import document as described
    from cluster.sweep import reading
    from cluster.sweep.more_trials import can_grow
    from cluster.terminal import closing_summary

    document = described.document(read)
    if as_json:
        print_json(document)
        return
    told = closing_summary.Ending(
        title=title(read.home, read.sweep),
        document=document,
        snapshot=reading.snapshot(read),
        troubles=reading.troubles(read),
        next=after or closing_summary.next_commands(document, can_grow(read)),
    )
    closing_summary.show(told, console(), top)
