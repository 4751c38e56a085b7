"""Helpers of the commands: load a spec, find a sweep, print; errors end the command with one kind of message."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cluster.exit_codes import BAD_SPEC, FAILED
from cluster.sweep.home import SweepHome
from cluster.sweep.shared_storage import CHECKPOINTS, STUDY
from search_spaces.types.driver_errors import CANNOT_GO_ON
from search_spaces.types.faults import SpecError
from search_spaces.types.passwords import masked

if TYPE_CHECKING:
    from rich.console import Console

    from cluster.doctor.machine import Check
    from cluster.sweep.reading import Reading
    from cluster.terminal.live_lines import Title
    from search_spaces.spec.sweep import Sweep


class Refusal(click.ClickException):
    """Error: the request is wrong or impossible. Ends the command with exit code 2."""

    exit_code = BAD_SPEC


class Failure(click.ClickException):
    """Error: the request was right and failed. Ends the command with exit code 1."""

    exit_code = FAILED


@contextmanager
def refusing() -> Iterator[None]:
    """Turn SpecError in the block into Refusal, with a line for each fault, and ``CANNOT_GO_ON`` into Failure."""
    try:
        yield
    except SpecError as error:
        raise Refusal(str(error)) from error
    except CANNOT_GO_ON as error:
        raise Failure(str(error)) from error


@contextmanager
def _without_plugins() -> Iterator[None]:
    """Turn pydantic's plugins off for the block.

    To find them pydantic reads the metadata of every installed package; the spec's models need none.
    """
    name = "PYDANTIC_DISABLE_PLUGINS"
    before = os.environ.get(name)
    os.environ[name] = "__all__"
    try:
        yield
    finally:
        del os.environ[name]
        if before is not None:
            os.environ[name] = before


def load(spec: str, overrides: Iterable[str]) -> Sweep:
    """Load and check the spec with its overrides. Raises Refusal with every fault."""
    with _without_plugins():
        from search_spaces.spec.sweep import load_sweep
    from workloads.registry import catalogue

    with refusing():
        return load_sweep(Path(spec), tuple(overrides), catalogue=catalogue())


def refuse_addresses(sweep: Sweep) -> None:
    """Raise Refusal where addresses of the sweep's stores can never work on this machine; nothing is opened."""
    from tracking.store.open import resolve
    from tracking.store.uris import source, unusable  # 20 ms: sqlite3 and MLflow's version

    place, uri = source(sweep.tracking.uri), resolve(sweep.tracking.uri)
    told = [f"{place}: {why}, received {masked(uri)!r}"] if (why := unusable(sweep.tracking.uri)) else []
    if told := [*told, *_unusable_storage(sweep)]:
        raise Refusal("\n".join(told))


def refuse_store(sweep: Sweep) -> Check | None:
    """Raise Refusal where a store of the sweep can never work as it is, or MLflow refuses our login.

    Returns the check of a server of MLflow's. A sweep that starts makes these checks itself, and more.
    """
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


def _unusable_storage(sweep: Sweep) -> Iterator[str]:
    """Yield what is wrong with the addresses of study and checkpoints, of the spec or the environment."""
    from search_spaces.study.addresses import checkpoints_fault, study_fault, without_secret

    given = (
        ("study", sweep.storage.study, STUDY, study_fault),
        ("checkpoints", sweep.storage.checkpoints, CHECKPOINTS, checkpoints_fault),
    )
    for key, own, variable, fault in given:
        address = own or os.environ.get(variable)
        if address and (why := fault(address)):
            place = f"storage.{key}" if own else variable
            yield f"{place}: {without_secret(why)}, received {without_secret(address)!r}"


def find(reference: str) -> SweepHome:
    """Return the sweep of an ID, a unique prefix of one, ``last``, or a name, of which the newest, which is told.

    A sweep that exists only in the database PACELINE_STUDY gets a home in this folder. Raises Refusal where there
    is none, and Failure where the database cannot be reached.
    """
    try:
        found = SweepHome.find(reference)
        if (told := told_by_name(reference, found)) is not None:
            print(told, file=sys.stderr)
        return found
    except LookupError as error:
        from cluster.sweep.restore import rebuilt

        with refusing():
            home = rebuilt(reference)
        if home is None:
            raise Refusal(str(error.args[0])) from error
        return home


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


def title(home: SweepHome, sweep: Sweep) -> Title:
    """Return the sweep's name and settings for the views."""
    from cluster.terminal.criteria import goals
    from cluster.terminal.live_lines import Title

    return Title(
        id=home.id,
        name=sweep.name,
        objective=sweep.objective,
        method=sweep.method,
        schedule=sweep.early_terminate.type,
        seed=sweep.seed,
        goals=goals(sweep.objective, sweep.criteria) if sweep.metrics else "",
    )


def console(stderr: bool = False) -> Console:
    """Return a rich console; in a pipe or file it is 120 columns wide, without colours."""
    from rich.console import Console

    made = Console(stderr=stderr, highlight=False)
    return made if made.is_terminal else Console(stderr=stderr, highlight=False, width=120, color_system=None)


def print_json(document: Any) -> None:
    """Print a document on stdout as strict JSON. Raises ValueError for NaN and infinity."""
    print(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


def write_new(path: str, text: str) -> None:
    """Write ``text`` to a new file. Raises Refusal where the file exists or cannot be written."""
    try:
        with Path(path).open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise Refusal(f"{path} is there already: name another file with -o") from error
    except OSError as error:
        raise Refusal(f"{path} cannot be written: {error.strerror}") from error
