"""What several commands need: a spec or a sweep by name, each refused in one plain way, and printing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cluster.exit_codes import BAD_SPEC, FAILED
from cluster.sweep.home import SweepHome
from search_spaces.types.driver_errors import StudyAway
from search_spaces.types.faults import SpecError

if TYPE_CHECKING:
    from rich.console import Console

    from cluster.sweep.reading import Reading
    from cluster.terminal.live_lines import Title
    from search_spaces.spec.sweep import Sweep


class Refusal(click.ClickException):
    """What the user asked for cannot be done."""

    exit_code = BAD_SPEC


class Failure(click.ClickException):
    """It could be done, and did not succeed."""

    exit_code = FAILED


@contextmanager
def refusing() -> Iterator[None]:
    """Faults of what the user wrote end the command, one line for every fault; so does a study that is away."""
    try:
        yield
    except SpecError as error:
        raise Refusal(str(error)) from error
    except StudyAway as error:
        raise Failure(str(error)) from None


@contextmanager
def _without_plugins() -> Iterator[None]:
    """pydantic looks for its plugins in the metadata of every installed package; a spec's models want none."""
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
    """The spec with its overrides."""
    with _without_plugins():
        from search_spaces.spec.sweep import load_sweep
    from workloads.registry import catalogue

    with refusing():
        return load_sweep(Path(spec), tuple(overrides), catalogue=catalogue())


def find(reference: str) -> SweepHome:
    """The sweep in this folder by ID, prefix or ``last``; one that only the shared study has gets a home here."""
    try:
        return SweepHome.find(reference)
    except LookupError as error:
        from cluster.sweep.restore import rebuilt

        with refusing():
            home = rebuilt(reference)
        if home is None:
            raise Refusal(str(error.args[0])) from error
        return home


def stored(home: SweepHome) -> Sweep:
    """The spec that the sweep was started with."""
    with refusing():
        return home.sweep()


def reading(home: SweepHome) -> Reading:
    """The sweep as it stands on disk."""
    from cluster.sweep.reading import Reading

    with refusing():
        return Reading.of(home)


def title(home: SweepHome, sweep: Sweep) -> Title:
    """What the views show of a sweep that never changes."""
    from cluster.terminal.live_lines import Title

    return Title(
        id=home.id,
        name=sweep.name,
        objective=sweep.objective,
        method=sweep.method,
        schedule=sweep.early_terminate.type,
        seed=sweep.seed,
    )


def console(stderr: bool = False) -> Console:
    """A console; into a pipe or file it is 120 columns wide, as no terminal says otherwise."""
    from rich.console import Console

    made = Console(stderr=stderr, highlight=False)
    return made if made.is_terminal else Console(stderr=stderr, highlight=False, width=120, color_system=None)


def print_json(document: Any) -> None:
    """One document on stdout, strict JSON."""
    print(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


def write_new(path: str, text: str) -> None:
    """Writes ``text`` to a file that is not there yet."""
    try:
        with Path(path).open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise Refusal(f"{path} is there already: name another file with -o") from error
    except OSError as error:
        raise Refusal(f"{path} cannot be written: {error.strerror}") from error
