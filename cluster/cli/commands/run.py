"""Commands that drive a sweep: run, resume, demo."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click import ClickException

import search_spaces
from cluster.cli.commands.on_target import away, chosen, resume_on, run_on
from cluster.cli.commands.shared import Refusal, find, load, print_json, reading, refusing
from cluster.cli.commands.spec import preview
from cluster.cli.options import CODE, ON, OVERRIDES, SPEC, SWEEP, RunOptions, as_overrides, setting, showing, shown
from cluster.driver.here import drive_here, held
from cluster.exit_codes import FINISHED, INTERRUPTED
from cluster.python.resume import mended, ready
from cluster.python.showing import show_end, title, viewer
from cluster.sweep.home import Busy, SweepHome
from cluster.sweep.stop import interrupted_by_sigterm

if TYPE_CHECKING:
    from cluster.sweep.limits.extension import Extension
    from cluster.sweep.reading import Reading
    from cluster.targets.submission import Code
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
        return run_on(spec, overrides, place, code, options.as_json)
    sweep = load(spec, overrides)
    return watch(_begun(sweep, Path(spec).name), sweep, options)


def _begun(sweep: Sweep, origin: str) -> SweepHome:
    """Make the new sweep's home. Raises Refusal where its stores, or earlier sweeps, cannot be used."""
    from cluster.python.begin import begun

    with refusing():
        return begun(sweep, origin, partial(print, file=sys.stderr))


@click.command()
@setting
@showing
def demo(**flags: Any) -> int:
    """Run a small sweep, in under a minute."""
    options = shown(flags)
    sweep = load(str(DEMO), as_overrides(**flags))
    return watch(_begun(sweep, DEMO.name), sweep, options, AFTER_DEMO)


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
        return resume_on(sweep, place, trials, budget, flags["as_json"])
    home, options = find(sweep), shown(flags)
    with refusing():
        read = ready(reading(home), partial(print, file=sys.stderr))
    if trials is None and not budget:
        return _done(read, options) if read.complete else watch(home, read.sweep, options)
    from cluster.sweep.more_trials import extension

    with refusing():
        more = extension(read, trials, budget)
    return watch(home, read.sweep, options, more=more)


def _done(read: Reading, options: RunOptions) -> int:
    from cluster.sweep.more_trials import can_grow

    with refusing():
        told = mended(read.home)
    if told:
        print(told, file=sys.stderr)
    more = f"; `paceline resume {read.home.id} --trials +20` gives it more trials" if can_grow(read) else ""
    print(f"sweep {read.home.id} has finished, and nothing is left to do{more}", file=sys.stderr)
    tell_end(read, options.as_json)
    return FINISHED


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
        shown_by = viewer(title(home, sweep), options.quiet, options.live, stderr=options.as_json)
        with quiet_stdout(options.as_json), shown_by as view:
            code = _drive(home, view, more)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except ClickException:
        raise
    except Exception:
        print(f"sweep {home.id} broke off; `paceline resume {home.id}` continues it", file=sys.stderr)
        raise
    tell_end(reading(home), options.as_json, after=after if code == FINISHED else ())
    return code


def _drive(home: SweepHome, view: Observer, more: Extension | None) -> int:
    try:
        with refusing():
            return drive_here(home, view, more)
    except Busy as error:
        raise Refusal(held(error, home)) from error


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


def tell_end(read: Reading, as_json: bool, after: Sequence[tuple[str, str]] = (), top: int = 5) -> None:
    """Print the sweep's JSON document, or its summary with the best ``top`` trials, which ends with ``after``."""
    from cluster.sweep.document import document

    if as_json:
        print_json(document(read))
    else:
        show_end(read, after, top)
