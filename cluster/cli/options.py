"""Arguments and options that several commands share. Imports nothing slow, as every command imports it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import click

SPEC = click.argument("spec", metavar="SPEC", type=click.Path())
OVERRIDES = click.argument("overrides", metavar="[KEY=VALUE]...", nargs=-1)
SWEEP = click.argument("sweep", metavar="[ID]", default="last")
JSON = click.option(
    "as_json", "--json", is_flag=True, help="One JSON document on stdout, everything else on stderr."
)
ON = click.option(
    "on",
    "--on",
    metavar="TARGET",
    help="local, http://HEAD:8265, ray://HEAD:10001 or k8s:CONTEXT/NAMESPACE; default: PACELINE_TARGET or local.",
)
CODE = click.option(
    "--code",
    type=click.Choice(["ship", "image"]),
    help="Whether Paceline is shipped with the sweep or is in the cluster's image; default: ship, on k8s image.",
)

Command = Callable[..., Any]


def showing(command: Command) -> Command:
    """Add ``--json``, ``--quiet`` and ``--no-live``, the options of commands that run and show a sweep."""
    for option in (
        click.option(
            "live", "--no-live", is_flag=True, flag_value=False, default=True, help="Lines, no live view."
        ),
        click.option("-q", "--quiet", is_flag=True, help="Only the summary at the end."),
        JSON,
    ):
        command = option(command)
    return command


def setting(command: Command) -> Command:
    """Add the flags that set a key of the spec."""
    for option in (
        click.option(
            "--no-cache", "cache", flag_value=False, default=None, help="Train what earlier sweeps know, too."
        ),
        click.option("--seed", type=int, help="Seed of the search."),
        click.option("--name", help="Name of the sweep."),
        click.option("--timeout", metavar="T", help="Stop cleanly after this long: 90s, 30m, 2h."),
        click.option("--max-concurrent", type=int, metavar="N", help="Workers: trainings at the same time."),
        click.option("--trials", type=int, metavar="N", help="Number of trials."),
    ):
        command = option(command)
    return command


def shown(flags: dict[str, Any]) -> RunOptions:
    """Remove the options of ``showing`` from ``flags`` and return them."""
    return RunOptions(flags.pop("as_json"), flags.pop("quiet"), flags.pop("live"))


def as_overrides(**flags: str | int | None) -> tuple[str, ...]:
    """Return the flags that are not None as overrides ``key=value`` of the spec."""
    return tuple(f"{name}={json.dumps(value)}" for name, value in flags.items() if value is not None)


class RunOptions(NamedTuple):
    """How a running sweep is shown."""

    as_json: bool = False
    quiet: bool = False
    live: bool = True
