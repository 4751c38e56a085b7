"""Helpers of the commands: load a spec, find a sweep, print; errors end the command with one kind of message."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cluster.exit_codes import BAD_SPEC, FAILED, FINISHED
from cluster.python.resume import home_of
from cluster.sweep.home import SweepHome
from search_spaces.types.driver_errors import CANNOT_GO_ON, BrokeOff, Unable
from search_spaces.types.faults import SpecError

if TYPE_CHECKING:
    from rich.text import Text

    from cluster.doctor.machine import Check
    from cluster.sweep.reading import Reading
    from search_spaces.spec.sweep import Sweep
    from tracking.ui.server import Server


class Refusal(click.ClickException):
    """Error: the request is wrong or impossible. Ends the command with exit code 2."""

    exit_code = BAD_SPEC


class Failure(click.ClickException):
    """Error: the request was right and failed. Ends the command with exit code 1."""

    exit_code = FAILED


@contextmanager
def refusing() -> Iterator[None]:
    """Turn SpecError in the block into Refusal, with a line for each fault, and Unable.

    BrokeOff and ``CANNOT_GO_ON`` become Failure.
    """
    try:
        yield
    except (SpecError, Unable) as error:
        raise Refusal(str(error)) from error
    except (BrokeOff, *CANNOT_GO_ON) as error:
        raise Failure(str(error)) from error


def load(spec: str, overrides: Iterable[str]) -> Sweep:
    """Load and check the spec with its overrides. Raises Refusal with every fault."""
    from cluster.python.specs import loaded

    with refusing():
        return loaded(Path(spec), tuple(overrides))


def refuse_store(sweep: Sweep) -> Check | None:
    """Raise Refusal where a store of the sweep can never work as it is, or MLflow refuses our login.

    Returns the check of a server of MLflow's. A sweep that starts makes these checks itself, and more.
    """
    from cluster.doctor.addresses import refuse_addresses

    with refusing():
        refuse_addresses(sweep)
    from tracking.store.open import resolve
    from tracking.store.uris import is_server, source, unfit

    place, uri = source(sweep.tracking.uri), resolve(sweep.tracking.uri)
    if why := unfit(sweep.tracking.uri):
        raise Refusal(f"{place}: {why}")
    if not is_server(uri):
        return None
    from cluster.doctor.stores import check_tracking_of  # 60 ms

    found = check_tracking_of(sweep)
    if found.state == "wrong":
        raise Refusal(f"{place}: {found.found}; {found.remedy}")
    return found


def find(reference: str) -> SweepHome:
    """Return the sweep of an ID, a unique prefix of one, ``last``, or a name, of which the newest, which is told.

    A sweep that exists only in the database PACELINE_STUDY gets a home in this folder. Raises Refusal where there
    is none, and Failure where the database cannot be reached.
    """
    try:
        with refusing():
            found = home_of(reference)
    except LookupError as error:
        raise Refusal(str(error.args[0])) from error
    if (told := told_by_name(reference, found)) is not None:
        print(told, file=sys.stderr)
    return found


def told_by_name(reference: str, home: SweepHome) -> str | None:
    """Return what to tell where ``reference`` is the name of several sweeps, of which ``home`` is the newest."""
    if reference == "last" or home.id.startswith(reference) or len(SweepHome.named(reference)) < 2:
        return None
    return f"sweep {home.id}, the newest of those named {reference}"


def reading(home: SweepHome) -> Reading:
    """Return the sweep's present state, read from its study. Raises Failure where that cannot be reached."""
    from cluster.sweep.reading import Reading

    with refusing():
        read = Reading.of(home)
    if read.wrong:
        print(read.wrong, file=sys.stderr)
    return read


def print_json(document: Any) -> None:
    """Print a document on stdout as strict JSON. Raises ValueError for NaN and infinity."""
    print(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


def until_ended(server: Server, tell: Callable[[], None]) -> int:
    """Tell of a server and wait until the user interrupts. Raises Failure where it ends by itself."""
    try:
        tell()
        server.process.wait()
    except KeyboardInterrupt:
        print("\nended", flush=True)
        return FINISHED
    finally:
        server.stop()
    raise Failure(f"the server ended by itself; see {server.log}")


def write_new(path: str, text: str) -> None:
    """Write ``text`` to a new file. Raises Refusal where the file exists or cannot be written."""
    try:
        with Path(path).open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise Refusal(f"{path} is there already: name another file with -o") from error
    except OSError as error:
        raise Refusal(f"{path} cannot be written: {error.strerror}") from error


def print_lines(lines: Iterable[Text]) -> None:
    """Print lines: in a terminal wrapped between words, in a pipe each whole."""
    from cluster.python.showing import console

    screen = console()
    for line in lines:
        screen.print(line, soft_wrap=not screen.is_terminal, highlight=False, markup=False)
