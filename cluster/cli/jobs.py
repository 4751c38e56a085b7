"""Commands for sweeps here or on a target. Parsing only, as in cluster/cli/main.py."""

from __future__ import annotations

from typing import Any

import click

from cluster.cli.options import CODE, JSON, ON, OVERRIDES, SPEC, SWEEP, showing, shown


@click.command()
@SPEC
@OVERRIDES
@ON
@CODE
@click.option("--wait", is_flag=True, help="Return when the sweep has ended, with its exit code.")
def submit(spec: str, overrides: tuple[str, ...], on: str | None, code: str | None, wait: bool) -> int:
    """Hand the sweep of SPEC to a cluster and return."""
    from cluster.cli.commands.on_target import chosen, submit

    return submit(spec, overrides, chosen(on), code, wait)  # type: ignore[arg-type] # checked by click


@click.command()
@SWEEP
@ON
@JSON
def status(sweep: str, on: str | None, as_json: bool) -> int:
    """Tell how a submitted sweep stands."""
    from cluster.cli.commands.on_target import chosen, status

    return status(sweep, chosen(on), as_json)


@click.command()
@SWEEP
@ON
@click.option("-f", "--follow", is_flag=True, help="Until the sweep ends; Ctrl-C leaves it running.")
def logs(sweep: str, on: str | None, follow: bool) -> int:
    """Print the lines of a submitted sweep's driver."""
    from cluster.cli.commands.on_target import chosen, logs

    return logs(sweep, chosen(on), follow)


@click.command()
@SWEEP
@ON
def wait(sweep: str, on: str | None) -> int:
    """Wait for a submitted sweep's end."""
    from cluster.cli.commands.on_target import chosen, wait

    return wait(sweep, chosen(on))


@click.command()
@SWEEP
@click.option("--trials", metavar="N", help="With +N more trials, or N in all, though it may have ended.")
@ON
@showing
def resume(sweep: str, trials: str | None, on: str | None, **flags: Any) -> int:
    """Go on with a sweep, or give it more trials."""
    from cluster.cli.commands.on_target import away, chosen, resume_on

    if (place := away(sweep, chosen(on))) is not None:
        return resume_on(sweep, place, trials)
    from cluster.cli.commands.run import resume

    return resume(sweep, trials, shown(flags))


@click.command()
@SWEEP
@click.option("--now", is_flag=True, help="Do not wait for the running legs.")
@ON
def stop(sweep: str, now: bool, on: str | None) -> int:
    """Stop a running sweep; `resume` continues it."""
    from cluster.cli.commands.on_target import away, chosen, stop_on

    if (place := away(sweep, chosen(on))) is not None:
        return stop_on(sweep, place, now)
    from cluster.cli.commands.serve import stop

    return stop(sweep, now)


COMMANDS = (submit, status, logs, wait, resume, stop)
"""In the order in which they are listed."""
