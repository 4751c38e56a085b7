"""Commands that drive a sweep: run, resume, demo."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from click import ClickException

import search_spaces
from cluster.commands import FINISHED, INTERRUPTED, RunOptions
from cluster.commands.common import Failure, Refusal, console, find, load, print_json, stored, title
from cluster.home import Busy, SweepHome
from search_spaces.faults import SpecError

if TYPE_CHECKING:
    from cluster.board import Title
    from cluster.progress import Observer
    from search_spaces.sweep import Sweep

DEMO = Path(search_spaces.__file__).parent / "examples" / "demo.yaml"
AFTER_DEMO = (
    ("paceline ui", "leaderboard and charts of this sweep in a browser"),
    ("paceline init mlp", "writes a commented sweep.yaml for you to edit"),
    ("paceline run sweep.yaml", "runs it"),
)


def run(spec: str, overrides: tuple[str, ...], options: RunOptions) -> int:
    """Starts a new sweep in this folder."""
    sweep = load(spec, overrides)
    return watch(SweepHome.create(sweep), sweep, options)


def demo(overrides: tuple[str, ...], options: RunOptions) -> int:
    """Runs the packaged demonstration in this folder."""
    sweep = load(str(DEMO), overrides)
    return watch(SweepHome.create(sweep), sweep, options, AFTER_DEMO)


def resume(reference: str, trials: str | None, options: RunOptions) -> int:
    """Goes on with a sweep of this folder, to another number of ``trials`` if given (``+N`` or ``N``)."""
    home = find(reference)
    sweep = stored(home)
    return watch(home, sweep, options, trials=None if trials is None else _new_total(home, sweep, trials))


def _new_total(home: SweepHome, sweep: Sweep, trials: str) -> int:
    from cluster.extending import new_total

    try:
        return new_total(home, sweep, trials)
    except SpecError as error:
        raise Refusal(str(error)) from error


def watch(
    home: SweepHome,
    sweep: Sweep,
    options: RunOptions,
    after: Sequence[tuple[str, str]] = (),
    trials: int | None = None,
) -> int:
    """Drives the sweep while showing it, then tells how it ended; returns the exit code."""
    try:
        with quiet_stdout(options.as_json), viewer(title(home, sweep), options) as view:
            code = _drive(home, view, trials)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except ClickException:
        raise
    except Exception:
        print(f"sweep {home.id} broke off; `paceline resume {home.id}` goes on with it", file=sys.stderr)
        raise
    tell_end(home, title(home, sweep), options.as_json, after=after if code == FINISHED else ())
    return code


def _drive(home: SweepHome, view: Observer, trials: int | None) -> int:
    try:
        with home.driven():  # before the second that the imports take: whoever looks sees that it is starting
            from cluster.driver import DataChanged, drive
            from cluster.size import TooSmall
            from workloads.data import DataError

            try:
                return drive(home, view, trials, leave_ray=True)
            except DataError as error:
                if not home.data.exists():
                    home.remove()
                raise Refusal(str(error)) from error
            except (DataChanged, TooSmall) as error:
                raise Failure(str(error)) from error
    except Busy as error:
        raise Refusal(f"{error}; `paceline show {home.id}` shows it, `paceline stop {home.id}` ends it") from error
    except SpecError as error:
        raise Refusal(str(error)) from error


@contextmanager
def quiet_stdout(wanted: bool) -> Iterator[None]:
    """If ``wanted``, what anybody writes to stdout meanwhile goes to stderr, libraries below Python included."""
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
    """The live view in a terminal, lines in a pipe, next to nothing when quiet; never on stdout with ``--json``."""
    from cluster.view import LineView, LiveView, QuietView

    if options.quiet:
        return QuietView(sys.stderr)
    screen = console(stderr=options.as_json)
    if options.live and screen.is_terminal:
        return LiveView(head, screen)
    return LineView(head, sys.stderr if options.as_json else sys.stdout)


def tell_end(
    home: SweepHome, head: Title, as_json: bool, after: Sequence[tuple[str, str]] = (), top: int = 5
) -> None:
    """The document on stdout, or the summary with what to type next, unless ``after`` says that."""
    from cluster import ending, summary

    document = summary.document(home)
    if as_json:
        print_json(document)
        return
    told = ending.Ending(
        title=head,
        document=document,
        snapshot=summary.snapshot(home),
        troubles=summary.troubles(home),
        next=after or ending.next_commands(document),
    )
    ending.show(told, console(), top)
